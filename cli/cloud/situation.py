"""The current state of an environment: leases, notices, messages, last results and last run."""

from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from cli.cloud.bucket import keys_in
from cli.cloud.environment import Deployment
from cli.cloud.history import current_state, mode_of
from cli.cloud.records import RecordedRun, last_complete_run, newest_run_ids, recorded_run
from contract.coordination import COORDINATION, GENERATION, HOLDER, KEY, PROCESSED, WAITING
from contract.environments import Output
from contract.layout import INBOX

NEWEST_RUNS = 10
"""Number of runs among which `situation_of` looks for the last one with a record; the newest may still be running."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """An execution, and the state that it has entered last; it has only a name if AWS no longer has it."""

    name: str
    status: str | None = None
    mode: str | None = None
    started: datetime | None = None
    state: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether the execution is running."""
        return self.status == "RUNNING"


@dataclass(frozen=True, kw_only=True)
class MessageCounts:
    """Numbers of messages of a queue: those that can be received, and those that are delayed or with a consumer."""

    waiting: int
    taken: int

    @property
    def total(self) -> int:
        """Number of all messages."""
        return self.waiting + self.taken


@dataclass(frozen=True, kw_only=True)
class Situation:
    """The current state of an environment.

    Attributes
    ----------
    holder, waiting
        The execution that holds the lease, and the execution that gets it next.
    generation, processed
        Number of batches of notices so far, and the number of those that runs have processed.
    notices
        Number of files in the inbox.
    complete
        The run of the last complete results.
    recorded
        The last run that has ended.
    """

    holder: Execution | None
    waiting: Execution | None
    generation: int
    processed: int
    notices: int
    queue: MessageCounts
    dead_letters: MessageCounts
    complete: RecordedRun | None
    recorded: RecordedRun | None


def situation_of(deployment: Deployment) -> Situation:
    """Ask AWS for the current state of an environment."""
    item = _coordination(deployment)
    complete = last_complete_run(deployment)
    return Situation(
        holder=_execution(deployment, item.get(HOLDER)),
        waiting=_execution(deployment, item.get(WAITING)),
        generation=int(item.get(GENERATION, 0)),
        processed=int(item.get(PROCESSED, 0)),
        notices=sum(1 for _ in keys_in(deployment, INBOX)),
        queue=messages_in(deployment, Output.QUEUE),
        dead_letters=messages_in(deployment, Output.DEAD_LETTERS),
        complete=recorded_run(deployment, complete) if complete else None,
        recorded=_last_recorded(deployment),
    )


def messages_in(deployment: Deployment, queue: Output) -> MessageCounts:
    """Count the messages of a queue, as exactly as SQS does."""
    counts = deployment.sqs.get_queue_attributes(
        QueueUrl=deployment.resource(queue),
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )["Attributes"]
    return MessageCounts(
        waiting=int(counts["ApproximateNumberOfMessages"]),
        taken=int(counts["ApproximateNumberOfMessagesNotVisible"]) + int(counts["ApproximateNumberOfMessagesDelayed"]),
    )


def _coordination(deployment: Deployment) -> dict[str, str]:
    """Read the coordination item, which does not exist before the first batch."""
    answer = deployment.dynamodb.get_item(
        TableName=deployment.resource(Output.COORDINATION_TABLE), Key={KEY: {"S": COORDINATION}}, ConsistentRead=True
    )
    return {name: str(next(iter(value.values()))) for name, value in answer.get("Item", {}).items()}


def _execution(deployment: Deployment, arn: str | None) -> Execution | None:
    if arn is None:
        return None
    name = arn.rsplit(":", 1)[-1]
    try:
        described = deployment.stepfunctions.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return Execution(name=name)
        raise
    return Execution(
        name=name,
        status=described["status"],
        mode=mode_of(described.get("input", "")),
        started=described["startDate"],
        state=current_state(deployment.stepfunctions, arn),
    )


def _last_recorded(deployment: Deployment) -> RecordedRun | None:
    runs = (recorded_run(deployment, run_id) for run_id in newest_run_ids(deployment, NEWEST_RUNS))
    return next((run for run in runs if run.record), None)
