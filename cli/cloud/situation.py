"""The current state of an environment: leases, notices, messages, last results, last runs, alarms, and cost."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.cloud.alarms import Alarms, Receivers, alarms_of, receivers_of
from cli.cloud.bucket import oldest_in
from cli.cloud.environment import Deployment
from cli.cloud.errors import unless_denied
from cli.cloud.history import CurrentRun, current_run, current_state, ending, events_after, mode_of
from cli.cloud.month import Month, month_of
from cli.cloud.records import DamagedPointerError, RecordedRun, last_complete_run, newest_run_ids, recorded_run
from contract.coordination import COORDINATION, GENERATION, HOLDER, KEY, PROCESSED, WAITING
from contract.environments import DeployedVersion, Output
from contract.layout import INBOX

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef

NEWEST_RUNS = 10
"""Number of runs among which `situation_of` looks for the last one with a record; the newest may still be running."""

LAST_EXECUTIONS = 50
"""Number of executions that `last_executions` lists."""

FAILURES: "tuple[ExecutionStatusType, ...]" = ("FAILED", "ABORTED", "TIMED_OUT")
"""Statuses of executions that have ended without success."""

FAILED_EXECUTIONS = 50
"""Number of executions of each such status among which `situation_of` looks for the one that has ended last."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """An execution; it has only a name if AWS no longer has it.

    Attributes
    ----------
    state
        The state that it has entered last.
    run
        The run that it has begun last; `None` if it has not begun any, or has ended.
    reason
        Why it has failed; `None` if it has not.
    """

    name: str
    arn: str = ""
    status: str | None = None
    mode: str | None = None
    started: datetime | None = None
    state: str | None = None
    run: CurrentRun | None = None
    ended: datetime | None = None
    reason: str | None = None

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
    notices, oldest_notice
        Number of files in the inbox, and the time of the oldest.
    gathering
        An execution that runs without the lease, because it waits for more images or for its turn.
    complete
        The run of the last complete results.
    damage
        What is wrong with the pointer to the last complete results; `None` if nothing is.
    recorded
        The last run that has ended.
    failed
        The execution that has failed last, unless a run has succeeded since then.
    version
        What is deployed; `None` if the stack does not say it.
    alarms, receivers, month
        The alarms, who receives them, and the cost of the present month; `None` if the credentials have no permission
        to ask for them.
    """

    holder: Execution | None
    waiting: Execution | None
    generation: int
    processed: int
    notices: int
    oldest_notice: datetime | None = None
    queue: MessageCounts
    dead_letters: MessageCounts
    complete: RecordedRun | None
    recorded: RecordedRun | None
    damage: str | None = None
    gathering: Execution | None = None
    failed: Execution | None = None
    version: DeployedVersion | None = None
    alarms: Alarms | None = None
    receivers: Receivers | None = None
    month: Month | None = None


def situation_of(deployment: Deployment) -> Situation:
    """Ask AWS for the current state of an environment."""
    item, holder = _item_and_holder(deployment)
    last_complete, damage = _last_complete_run(deployment)
    complete = recorded_run(deployment, last_complete) if last_complete else None
    recorded = _last_recorded(deployment)
    succeeded = _succeeded_at(complete, recorded)
    notices, oldest_notice = oldest_in(deployment, INBOX)
    return Situation(
        holder=holder,
        gathering=_gathering(deployment, {item.get(HOLDER), item.get(WAITING)}),
        waiting=_execution(deployment, item.get(WAITING)),
        generation=int(item.get(GENERATION, 0)),
        processed=int(item.get(PROCESSED, 0)),
        notices=notices,
        oldest_notice=oldest_notice,
        queue=messages_in(deployment, Output.QUEUE),
        dead_letters=messages_in(deployment, Output.DEAD_LETTERS),
        complete=complete,
        damage=damage,
        recorded=recorded,
        failed=unless_denied(lambda: _last_failure(deployment, succeeded)),
        version=version_of(deployment),
        alarms=unless_denied(lambda: alarms_of(deployment)),
        receivers=unless_denied(lambda: receivers_of(deployment)),
        month=unless_denied(lambda: month_of(deployment)),
    )


def _last_complete_run(deployment: Deployment) -> tuple[str | None, str | None]:
    """Return the id of the run of the last complete results, and what is wrong with the pointer to them."""
    try:
        return last_complete_run(deployment), None
    except DamagedPointerError as error:
        return None, str(error)


def _item_and_holder(deployment: Deployment) -> tuple[dict[str, str], Execution | None]:
    """Read the coordination item and its holder: an execution that ends between the two has released its lease."""
    item = coordination_item(deployment)
    holder = _execution(deployment, item.get(HOLDER))
    if holder and not holder.is_running and (now := coordination_item(deployment)).get(HOLDER) != item.get(HOLDER):
        return now, _execution(deployment, now.get(HOLDER))
    return item, holder


def holder_of(deployment: Deployment) -> Execution | None:
    """Return the execution that holds the lease and is running."""
    execution = _execution(deployment, coordination_item(deployment).get(HOLDER))
    return execution if execution and execution.is_running else None


def version_of(deployment: Deployment) -> DeployedVersion | None:
    """Return what is deployed, which the outputs of the stack say; `None` for stacks of earlier versions."""
    revision, model = (deployment.outputs.get(output) for output in (Output.REVISION, Output.MODEL))
    return DeployedVersion(revision=revision, model=model) if revision and model else None


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


def coordination_item(deployment: Deployment) -> dict[str, str]:
    """Read the coordination item, which does not exist before the first batch."""
    answer = deployment.dynamodb.get_item(
        TableName=deployment.resource(Output.COORDINATION_TABLE), Key={KEY: {"S": COORDINATION}}, ConsistentRead=True
    )
    return {name: str(next(iter(value.values()))) for name, value in answer.get("Item", {}).items()}


def _execution(deployment: Deployment, arn: str | None) -> Execution | None:
    if arn is None:
        return None
    name = arn.rpartition(":")[2]
    try:
        described = deployment.stepfunctions.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return Execution(name=name, arn=arn)
        raise
    is_running = described["status"] == "RUNNING"
    return Execution(
        name=name,
        arn=arn,
        status=described["status"],
        mode=mode_of(described.get("input", "")),
        started=described["startDate"],
        state=current_state(deployment.stepfunctions, arn),
        run=current_run(deployment.stepfunctions, arn) if is_running else None,
        ended=described.get("stopDate"),
    )


def running_executions(deployment: Deployment) -> list[str]:
    """List the ARNs of the executions that are running, newest first."""
    machine = deployment.resource(Output.STATE_MACHINE)
    pages = deployment.stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="RUNNING"
    )
    return [execution["executionArn"] for page in pages for execution in page["executions"]]


def last_executions(deployment: Deployment) -> list[str]:
    """List the ARNs of the last executions, newest first."""
    machine = deployment.resource(Output.STATE_MACHINE)
    found = deployment.stepfunctions.list_executions(stateMachineArn=machine, maxResults=LAST_EXECUTIONS)["executions"]
    newest_first = sorted(found, key=lambda execution: execution["startDate"], reverse=True)
    return [execution["executionArn"] for execution in newest_first]


def _gathering(deployment: Deployment, others: set[str | None]) -> Execution | None:
    """Return the oldest running execution that is none of the others."""
    without_lease = [arn for arn in running_executions(deployment) if arn not in others]
    return _execution(deployment, without_lease[-1]) if without_lease else None


def _succeeded_at(complete: RecordedRun | None, recorded: RecordedRun | None) -> datetime | None:
    """Return the time of the last success; a run without anything to publish leaves the complete results as they are.

    The statuses of executions do not say it: an execution that leaves its images to another one succeeds as well.
    """
    times = [complete.summary.finished_at] if complete and complete.summary else []
    if recorded and recorded.record and recorded.record.succeeded:
        times.append(recorded.record.finished_at)
    return max(map(datetime.fromisoformat, times), default=None)


def _last_failure(deployment: Deployment, succeeded: datetime | None) -> Execution | None:
    """Return the execution that has failed last, with the reason, unless a run has succeeded since then."""
    machine = deployment.resource(Output.STATE_MACHINE)
    failures = [
        execution
        for status in FAILURES
        for execution in deployment.stepfunctions.list_executions(
            stateMachineArn=machine, statusFilter=status, maxResults=FAILED_EXECUTIONS
        )["executions"]
    ]
    last = max(failures, key=_ended, default=None)
    if last is None or (succeeded and _ended(last) <= succeeded):
        return None
    end = ending(events_after(deployment.stepfunctions, last["executionArn"]))
    return Execution(
        name=last["name"],
        arn=last["executionArn"],
        status=last["status"],
        started=last["startDate"],
        ended=_ended(last),
        reason=end.reason if end else None,
    )


def _ended(execution: "ExecutionListItemTypeDef") -> datetime:
    """Return the time of the end of an execution; a local AWS may leave it out."""
    return execution.get("stopDate", execution["startDate"])


def _last_recorded(deployment: Deployment) -> RecordedRun | None:
    runs = (recorded_run(deployment, run_id) for run_id in newest_run_ids(deployment, NEWEST_RUNS))
    return next((run for run in runs if run.record), None)
