"""Stops what uses an application, waits until the application has stopped, and starts interrupted runs again."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from contract.runs import Mode
from contract.workflow import Field, RunRequest

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_emr_serverless.literals import JobRunStateType
    from mypy_boto3_stepfunctions import SFNClient

AT_REST = {"CREATED", "STOPPED", "TERMINATED"}
"""States in which EMR Serverless deletes an application, or has deleted it."""

GONE = {"ResourceNotFoundException", "ValidationException"}
"""Errors for an application that does not exist, and for a text that is no id of an application."""

NOT_YET = {"ValidationException", "ConflictException"}
"""Errors of a stop while a job has just been started, or another change goes on: the next look finds out."""

ACTIVE: "tuple[JobRunStateType, ...]" = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED", "CANCELLING")
"""States of job runs that have not ended."""

SECONDS_BETWEEN_LOOKS = 5.0

EVENTS_OF_A_STATE = 100
"""Number of the last events of an execution, among which is the one that entered its present state."""

CAUSE = "The deployment replaces or deletes the Spark application of this execution."


class DrainError(Exception):
    """An application has not stopped in time."""


@dataclass(frozen=True)
class Drain:
    """Clients and settings of the function.

    Attributes
    ----------
    state_machine
        ARN of the state machine.
    wait
        Function that waits for a number of seconds.
    """

    emr: "EMRServerlessClient"
    stepfunctions: "SFNClient"
    state_machine: str
    wait: Callable[[float], object]

    def run(self, application_id: str, deadline: float) -> None:
        """Drain an application. If a deployment has replaced it, its runs begin again on the new one.

        Notices and the lease stay as they are: the new execution takes over the lease of the one that was stopped.

        Parameters
        ----------
        deadline
            Time by `time.monotonic` after which the function gives up.

        Raises
        ------
        DrainError
            If the application has not stopped in time.
        ClientError
            If AWS rejects a request.
        """
        interrupted: set[Mode] = set()
        try:
            while self._is_busy(application_id, interrupted):
                if time.monotonic() > deadline:
                    raise DrainError(
                        f"The application {application_id} has not stopped in time. To destroy the stack, try again; "
                        f"after an update, delete the application yourself once it is stopped."
                    )
                self.wait(SECONDS_BETWEEN_LOOKS)
        finally:
            if interrupted and not self.is_current(application_id):
                self._start_again(application_id, interrupted)

    def _is_busy(self, application_id: str, interrupted: set[Mode]) -> bool:
        """Stop what uses the application; return whether it has to be looked at again."""
        executions = list(self._executions_on(application_id))
        for arn, mode in executions:
            self.stepfunctions.stop_execution(executionArn=arn, error="Deployment", cause=CAUSE)
            interrupted.add(mode)
        try:
            state = self.emr.get_application(applicationId=application_id)["application"]["state"]
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return False
            raise
        jobs = self._cancel_jobs(application_id)
        if state == "STARTED" and not jobs:
            self._stop(application_id)
        return bool(executions or jobs or state not in AT_REST)

    def _stop(self, application_id: str) -> None:
        try:
            self.emr.stop_application(applicationId=application_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NOT_YET:
                raise

    def _executions_on(self, application_id: str) -> Iterator[tuple[str, Mode]]:
        """Yield ARN and mode of the running executions whose definition, that of their start, names the application."""
        pages = self.stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=self.state_machine, statusFilter="RUNNING"
        )
        for page in pages:
            for execution in page["executions"]:
                arn = execution["executionArn"]
                used = self.stepfunctions.describe_state_machine_for_execution(executionArn=arn)["definition"]
                if application_id in used:
                    yield arn, self._mode_of(arn)

    def _mode_of(self, execution: str) -> Mode:
        """Return the mode of the present round of an execution: a round after a `reprocess` is an update."""
        events = self.stepfunctions.get_execution_history(
            executionArn=execution, reverseOrder=True, maxResults=EVENTS_OF_A_STATE
        )["events"]
        inputs = (event.get("stateEnteredEventDetails", {}).get("input") for event in events)
        started = self.stepfunctions.describe_execution(executionArn=execution).get("input")
        return next((mode for text in (*inputs, started) if text and (mode := _mode_in(text))), Mode.UPDATE)

    def _cancel_jobs(self, application_id: str) -> int:
        """Cancel the job runs of the application, and return the number of those that have not ended yet."""
        pages = self.emr.get_paginator("list_job_runs").paginate(applicationId=application_id, states=[*ACTIVE])
        jobs = [job for page in pages for job in page["jobRuns"]]
        for job in jobs:
            if job["state"] != "CANCELLING":
                self._cancel(application_id, job["id"])
        return len(jobs)

    def _cancel(self, application_id: str, job_run_id: str) -> None:
        try:
            self.emr.cancel_job_run(applicationId=application_id, jobRunId=job_run_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":  # it has just ended
                raise

    def is_current(self, application_id: str) -> bool:
        """Return whether new executions would use the application: its stack is being deleted, not updated."""
        try:
            machine = self.stepfunctions.describe_state_machine(stateMachineArn=self.state_machine)
        except self.stepfunctions.exceptions.StateMachineDoesNotExist:
            return True
        return application_id in machine["definition"]

    def _start_again(self, application_id: str, modes: set[Mode]) -> None:
        """Start one execution for each mode: an update processes the notices of all updates that were stopped."""
        for mode in sorted(modes):
            try:
                self.stepfunctions.start_execution(
                    stateMachineArn=self.state_machine,
                    name=f"resumed-{mode}-{application_id}",
                    input=RunRequest(mode=mode).to_json(),
                )
            except self.stepfunctions.exceptions.ExecutionAlreadyExists:
                continue  # an earlier call of the function has started it


def _mode_in(text: str) -> Mode | None:
    """Read the mode in the input of an execution or of a state; `None` if there is none."""
    document: Any = json.loads(text)
    mode = document.get(Field.MODE.value) if isinstance(document, dict) else None
    return next((known for known in Mode if known == mode), None)
