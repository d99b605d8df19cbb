"""The alarms of an environment: their names, and what each one means."""

from enum import StrEnum

from contract.environments import stack_name


class Alarm(StrEnum):
    """Names of the alarms. In CloudWatch, the name of the stack precedes them."""

    DEAD_LETTERS = "DeadLetters"
    OLDEST_MESSAGE = "OldestMessage"
    EXECUTION_FAILED = "ExecutionFailed"
    EXECUTION_ABORTED = "ExecutionAborted"
    LONG_RUN = "LongRun"
    ERRORS_START_RUN = "ErrorsStartRun"
    ERRORS_RECORD_RUN = "ErrorsRecordRun"

    @property
    def meaning(self) -> str:
        """What has happened, and what to look at first."""
        return MEANINGS[self]

    def full_name(self, environment: str) -> str:
        """Return the name in CloudWatch."""
        return f"{alarm_prefix(environment)}{self}"


def alarm_prefix(environment: str) -> str:
    """Return the beginning of the names of all alarms of an environment."""
    return f"{stack_name(environment)}-"


MEANINGS = {
    Alarm.DEAD_LETTERS: "start_run failed on messages, or they are not events of images: read, then redrive or delete.",
    Alarm.OLDEST_MESSAGE: "Events wait too long: read the log of start_run.",
    Alarm.EXECUTION_FAILED: "An execution failed: read its cause. The notices wait for the next run.",
    Alarm.EXECUTION_ABORTED: "A user or a deployment stopped an execution. The next run takes over its lease.",
    Alarm.LONG_RUN: "A job has been running for longer than usual_run_minutes, and goes on: read its log.",
    Alarm.ERRORS_START_RUN: "start_run failed: read its log. The queue delivers its messages again.",
    Alarm.ERRORS_RECORD_RUN: "record_run failed: read its log. A run has no run.json; its results are complete.",
}
"""Alarm → its description in CloudWatch, and in the e-mail to the operator."""
