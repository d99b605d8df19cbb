"""The steps of an execution, as they happen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cli.cloud.environment import Deployment
from cli.cloud.history import (
    SILENT_STATES,
    WAITING_STATES,
    Ending,
    Job,
    ending,
    entered_state,
    events_after,
    named_run,
    phrase_for,
    submitted_job,
    task_failed,
    task_has_ended,
)

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

SECONDS_BETWEEN_REQUESTS = 4.0
"""Time between two requests for the steps of an execution."""

WORKFLOW, SPARK_JOB = "workflow", "Spark job"
"""Actors of the steps of an execution."""


@dataclass(frozen=True, order=True)
class Hop:
    """A step of one part of the pipeline on the way to the results.

    Attributes
    ----------
    at
        Time of the step by the clock of its actor.
    actor
        The part of the pipeline that acts, such as `WORKFLOW` or `SPARK_JOB`.
    what
        What the actor does; for a Spark job, its id and its new state.
    """

    at: datetime
    actor: str
    what: str


class Follower:
    """Reads the steps of an execution, which is given by its ARN.

    Attributes
    ----------
    run_ids
        Ids of the runs of the execution so far, in their order; each round and each attempt is a run.
    states
        States that the execution has entered so far.
    seconds
        Time from the start of the execution to its last step, by the clocks of AWS.
    ended
        How the execution has ended; `None` as long as it runs.
    """

    def __init__(self, deployment: Deployment, execution: str) -> None:
        self.run_ids: list[str] = []
        self.states: set[str] = set()
        self.seconds = 0.0
        self.ended: Ending | None = None
        self._deployment = deployment
        self._execution = execution
        self._last_event = 0
        self._start: datetime | None = None
        self._waits_in: set[str] = set()
        self._job: Job | None = None
        self._job_state: str | None = None

    def follow(self, wait: Callable[[float], None]) -> Iterator[Hop]:
        """Yield the steps of the execution until it ends; `wait` waits for a number of seconds between two requests."""
        yield from self.new_steps()
        while not self.ended:
            wait(SECONDS_BETWEEN_REQUESTS)
            yield from self.new_steps()

    def new_steps(self) -> Iterator[Hop]:
        """Yield the steps since the last call."""
        events = events_after(self._deployment.stepfunctions, self._execution, self._last_event)
        for event in events:
            self._last_event = event["id"]
            self._pass_time(event["timestamp"])
            if (state := entered_state(event)) and self._is_worth_showing(state):
                yield Hop(event["timestamp"], WORKFLOW, phrase_for(state))
            if (run_id := named_run(event)) and run_id not in self.run_ids:
                self.run_ids.append(run_id)
            yield from self._job_steps(event)
        yield from self._new_job_state()
        self.ended = self.ended or ending(events)

    def _is_worth_showing(self, state: str) -> bool:
        self.states.add(state)
        # An execution may wait for an hour, and ask for the lease again and again: that is shown once.
        if state in SILENT_STATES or state in self._waits_in:
            return False
        self._waits_in = self._waits_in | {state} if state in WAITING_STATES else set()
        return True

    def _job_steps(self, event: "HistoryEventTypeDef") -> Iterator[Hop]:
        if job := submitted_job(event):
            self._job, self._job_state = job, None
        elif self._job and task_has_ended(event):
            if task_failed(event):
                yield Hop(event["timestamp"], SPARK_JOB, f"{self._job.job_run_id}: failed")
            self._job = None

    def _new_job_state(self) -> Iterator[Hop]:
        if self._job is None:
            return
        application, job = self._job.application_id, self._job.job_run_id
        run = self._deployment.emr.get_job_run(applicationId=application, jobRunId=job)["jobRun"]
        if run["state"] != self._job_state:
            self._job_state = run["state"]
            self._pass_time(run["updatedAt"])
            yield Hop(run["updatedAt"], SPARK_JOB, f"{job}: {run['state']}")

    def _pass_time(self, now: datetime) -> None:
        self._start = self._start or now
        self.seconds = max(self.seconds, (now - self._start).total_seconds())
