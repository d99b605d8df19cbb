"""Agreements about an execution: its input, the data of its states, the request to `record_run`, and the run record."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from contract.documents import Document
from contract.environments import DeployedVersion
from contract.names import check_run_id
from contract.runs import Mode

WAITING_FOR_JOBS = "emr-serverless:startJobRun.sync"
"""End of the resource of a task that waits for a job."""

JOB_EVENTS_RULE = "StepFunctionsGetEventsForEMRServerlessJobRule"
"""Rule of EventBridge that Step Functions needs for such tasks, one for all state machines of an account and Region."""

BILL_RETRIES = 3
"""Number of times that the state machine asks again for the cost of a job run. Then the record has no cost."""

SUCCESS = "SUCCESS"
"""State of a job run that has succeeded, as EMR Serverless names it."""

NOT_STARTED = "NOT_STARTED"
"""State in a run record if no job run was started."""


class Field(StrEnum):
    """Fields of the JSON document that an execution passes from state to state."""

    MODE = "mode"
    NOT_BEFORE = "not_before"
    SEEN = "seen"
    """These three are the fields of an execution's input: see `RunRequest`."""
    ROUND = "round"
    ATTEMPT = "attempt"
    RUN_ID = "run_id"
    """Present from the state that plans a round on."""

    @property
    def path(self) -> str:
        """JSONPath of the field."""
        return f"$.{self}"


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """Input of an execution.

    Attributes
    ----------
    not_before
        Time before which an update does not take the lease, such as ``2026-11-20T12:15:30Z``. More notices gather
        until then. `None` to start at once, or, if `seen` is given, after the time that the state machine always waits.
    seen
        Term of the last lease at the time when the notices of the update were counted. The update is needless if an
        execution has taken the lease since, because that one is responsible for these notices. `None` for a run that
        takes place in any case.
    """

    mode: Mode = Mode.UPDATE
    not_before: str | None = None
    seen: int | None = None

    def to_document(self) -> dict[str, str]:
        """Return the input as a JSON object."""
        gathered = {Field.NOT_BEFORE: self.not_before, Field.SEEN: None if self.seen is None else str(self.seen)}
        return {Field.MODE.value: self.mode.value} | {
            name.value: value for name, value in gathered.items() if value is not None
        }

    def to_json(self) -> str:
        """Return the input as text."""
        return json.dumps(self.to_document())


class BillNotReadyError(Exception):
    """AWS does not know the cost of a job run yet. `record_run` raises this error, and the state machine retries."""


@dataclass(frozen=True, kw_only=True)
class RecordRequest:
    """Event with which the state machine asks `record_run` to record a run."""

    run_id: str
    mode: str
    execution: str
    """ARN of the execution."""
    round: int
    attempt: int
    outcome: Any
    """Answer of EMR Serverless to a successful job run; error and cause of a failed one."""
    retries: int
    """Number of times that the state machine has already repeated this request."""
    version: DeployedVersion | None = None
    """What the execution has run; `None` in a request of an execution that began before an earlier upgrade."""
    application: str | None = None
    """Id of the application on which the execution runs its jobs; `None` as for the version."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the event.

        Raises
        ------
        KeyError
            If a field is missing, except for the version and the application.
        """
        later = {"version", "application"}
        known = {field.name: event[field.name] for field in fields(cls) if field.name not in later}
        version = event.get("version")
        return cls(
            **known, version=DeployedVersion(**version) if version else None, application=event.get("application")
        )


@dataclass(frozen=True, kw_only=True)
class RecordAnswer:
    """Answer of `record_run` to the state machine.

    Attributes
    ----------
    final
        Whether another attempt would fail, too.
    """

    final: bool

    def to_document(self) -> dict[str, bool]:
        """Return the answer as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class RecordPaths:
    """JSONPaths from which the state machine composes a `RecordRequest`, and two values that are the same for all."""

    run_id: str
    mode: str
    execution: str
    round: str
    attempt: str
    outcome: str
    retries: str
    version: DeployedVersion
    application: str

    def to_payload(self) -> dict[str, Any]:
        """Return the request as the `Payload` of a task in the Amazon States Language."""
        document = asdict(self)
        same = {name: document.pop(name) for name in ("version", "application")}
        return {f"{name}.$": path for name, path in document.items()} | same


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Resources that AWS billed for a job run."""

    vcpu_hours: float
    memory_gb_hours: float
    storage_gb_hours: float


@dataclass(frozen=True, kw_only=True)
class RunRecord(Document):
    """Record of a run, ``results/<run_id>/run.json``. A run that fails before it publishes leaves no other result."""

    run_id: str
    mode: str
    execution: str
    """ARN of the execution that started the run."""
    round: int
    """Number of the round in the execution, from 1: notices that came during a round lead to another one."""
    attempt: int
    """Number of the attempt in the round, from 1."""
    job_run_id: str | None
    """`None` if no job run was started."""
    state: str
    """State of the job run as EMR Serverless names it (``SUCCESS``, ``FAILED``, ``CANCELLED``), or ``NOT_STARTED``."""
    reason: str | None
    """Reason of the failure; `None` if the run succeeded."""
    started_at: str
    finished_at: str
    seconds: float
    """Time from the submission of the job run to its end."""
    billed: Usage | None
    """`None` if AWS had not reported it in time, or if there was no job run."""
    cost_usd: float | None
    """Cost of `billed` at the configured prices."""
    links: dict[str, str]
    """Name → URL of the AWS console."""
    version: DeployedVersion | None = None
    """What the execution has run; `None` in the records of earlier versions."""

    def __post_init__(self) -> None:
        check_run_id(self.run_id, "run_id")

    @property
    def succeeded(self) -> bool:
        """Whether the job run has succeeded."""
        return self.state == SUCCESS

    @property
    def application_id(self) -> str | None:
        """Id of the application that was deployed when the run was recorded: the link to it ends with the id."""
        return self.links.get("application", "").rpartition("/")[2] or None
