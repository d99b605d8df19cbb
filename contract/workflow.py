"""What whoever starts a run asks of the workflow, and what the workflow records of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from contract.runs import Mode

BILL_RETRIES = 3
"""How often the workflow asks again what a job has cost; then the run is recorded without it."""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """The input of an execution: what is asked of the workflow."""

    mode: Mode = Mode.UPDATE

    def to_json(self) -> str:
        """Write the request as the input of an execution."""
        return json.dumps(asdict(self))


class BillNotReadyError(Exception):
    """AWS does not know yet what a job cost. `record_run` raises this, and the workflow asks again."""


@dataclass(frozen=True, kw_only=True)
class RecordRequest:
    """The event by which the workflow asks `record_run` to record a run."""

    run_id: str
    mode: str
    execution: str
    """ARN of the execution of the state machine."""
    round: int
    attempt: int
    outcome: Any
    """Answer of EMR Serverless to a job that ended well, or the error of one that did not."""
    retries: int
    """How often the workflow has asked already."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the event.

        Raises
        ------
        KeyError
            If a field is missing.
        """
        return cls(**{field.name: event[field.name] for field in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class RecordPaths:
    """JSONPaths by which the state machine composes a `RecordRequest`: a field for each of its fields."""

    run_id: str
    mode: str
    execution: str
    round: str
    attempt: str
    outcome: str
    retries: str

    def to_payload(self) -> dict[str, str]:
        """Write the paths as the `Payload` of a task in the Amazon States Language."""
        return {f"{name}.$": path for name, path in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a job was billed for."""

    vcpu_hours: float
    memory_gb_hours: float
    storage_gb_hours: float


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What the workflow knows of a run: ``results/<run_id>/run.json``. A run that failed has this file alone."""

    run_id: str
    mode: str
    execution: str
    """ARN of the execution of the state machine that asked for the run."""
    round: int
    """Runs of this execution, this one included: it goes round again for notices that came meanwhile."""
    attempt: int
    """Tries of this round, this one included."""
    job_run_id: str | None
    """None if no job could be started."""
    state: str
    """Of the job, as EMR Serverless names it: ``SUCCESS``, ``FAILED``, ``CANCELLED``; ``NOT_STARTED`` without one."""
    reason: str | None
    """Why it failed; None if it didn't."""
    started_at: str
    finished_at: str
    seconds: float
    """From the submission of the job to its end."""
    billed: Usage | None
    """None where AWS had not told yet, or nothing ran."""
    cost_usd: float | None
    """Of `billed`, at the configured prices."""
    links: dict[str, str]
    """Name → page of the AWS console."""

    def to_json(self) -> str:
        """Write the record as a JSON document."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a record back.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the document is no record.
        """
        document: dict[str, Any] = json.loads(text)
        billed = document.pop("billed")
        return cls(billed=Usage(**billed) if billed else None, **document)
