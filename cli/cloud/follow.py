"""Follows an execution of the workflow until it ends."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from cli.cloud.environment import Deployment
from cli.cloud.history import (
    QUIET,
    WAITING,
    Ending,
    ending,
    entered_state,
    events_after,
    in_words,
    named_run,
    submitted_job,
    task_failed,
    task_is_over,
)
from contract.environments import Output

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

SECONDS_BETWEEN = 4.0
"""Between two looks at the execution."""


class Follower:
    """Tells what an execution has done since the last look.

    Parameters
    ----------
    deployment
        Where it runs.
    execution
        Its ARN.
    tell
        Takes the seconds since its start, and the words for a step.

    Attributes
    ----------
    run_ids
        Of its runs so far, in their order: it goes round again for images that come meanwhile.
    states
        That it has entered so far.
    seconds
        Since its start, as far as is known.
    """

    def __init__(self, deployment: Deployment, execution: str, tell: Callable[[float, str], None]) -> None:
        self.run_ids: list[str] = []
        self.states: set[str] = set()
        self.seconds = 0.0
        self._deployment = deployment
        self._execution = execution
        self._tell = tell
        self._last_event = 0
        self._start: datetime | None = None
        self._waits_in: set[str] = set()
        self._job: str | None = None
        self._job_state: str | None = None

    def follow(self, wait: Callable[[float], None]) -> Ending:
        """Look until the execution has ended.

        Parameters
        ----------
        wait
            Called with the seconds to let pass before the next look.
        """
        while (ended := self.look()) is None:
            wait(SECONDS_BETWEEN)
        return ended

    def look(self) -> Ending | None:
        """Tell what is new, and how the execution has ended; None if it hasn't."""
        events = events_after(self._deployment.stepfunctions, self._execution, self._last_event)
        for event in events:
            self._last_event = event["id"]
            self._pass_time(event["timestamp"])
            if state := entered_state(event):
                self._enter(state)
            if (run_id := named_run(event)) and run_id not in self.run_ids:
                self.run_ids.append(run_id)
            self._take_job(event)
        self._look_at_job()
        return ending(events)

    def _enter(self, state: str) -> None:
        self.states.add(state)
        # An hour of waiting is one line, not one for every time that it looks whether it is its turn.
        if state in QUIET or state in self._waits_in:
            return
        self._waits_in = self._waits_in | {state} if state in WAITING else set()
        self._tell(self.seconds, in_words(state))

    def _take_job(self, event: "HistoryEventTypeDef") -> None:
        if job := submitted_job(event):
            self._job, self._job_state = job, None
        elif self._job and task_is_over(event):
            if task_failed(event):
                self._tell(self.seconds, f"Spark job {self._job}: failed")
            self._job = None

    def _look_at_job(self) -> None:
        if self._job is None:
            return
        application = self._deployment.resource(Output.APPLICATION)
        job = self._deployment.emr.get_job_run(applicationId=application, jobRunId=self._job)["jobRun"]
        if job["state"] != self._job_state:
            self._job_state = job["state"]
            self._pass_time(job["updatedAt"])
            self._tell(self.seconds, f"Spark job {self._job}: {job['state']}")

    def _pass_time(self, now: datetime) -> None:
        # By AWS's clocks, not by this machine's.
        self._start = self._start or now
        self.seconds = max(self.seconds, (now - self._start).total_seconds())
