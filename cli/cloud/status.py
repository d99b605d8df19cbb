"""`fruits status`: what is going on in an environment."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from cli.cloud import words
from cli.cloud.bucket import keys_in
from cli.cloud.environment import Deployment, add_environment_arguments, deployment_of
from cli.cloud.errors import explained_errors
from cli.cloud.history import cause_in_words, current_state, in_words, mode_of
from cli.cloud.records import RecordedRun, last_complete_run, newest_run_ids, recorded_run
from contract.coordination import COORDINATION, GENERATION, HOLDER, KEY, PROCESSED, WAITING
from contract.environments import Output
from contract.layout import INBOX

RUNS_LOOKED_AT = 10
"""In search of one that is recorded: the newest are perhaps going on."""


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits status`."""
    parser = subcommands.add_parser("status", help="cloud: what is going on, what waits, what needs attention")
    add_environment_arguments(parser)
    parser.set_defaults(command=_status)


@explained_errors()
def _status(arguments: argparse.Namespace) -> int:
    deployment = deployment_of(arguments)
    situation = look_at(deployment)
    print("\n".join(words.table(list(facts(deployment, situation)))))
    for sentence in attention(deployment, situation):
        print(f"Attention: {sentence}")
    return 0


@dataclass(frozen=True, kw_only=True)
class Execution:
    """An execution of the workflow.

    Attributes
    ----------
    name
        Of the execution.
    status
        ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ``ABORTED``, ``TIMED_OUT``; None if AWS doesn't know it any more.
    mode
        That was asked for.
    started
        When.
    state
        That it has entered last.
    """

    name: str
    status: str | None = None
    mode: str | None = None
    started: datetime | None = None
    state: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is going on."""
        return self.status == "RUNNING"


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How many messages a queue has: `waiting` ones, and ones that are being worked on or held back (`taken`)."""

    waiting: int
    taken: int


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is going on in an environment.

    Attributes
    ----------
    holder, waiting
        The execution whose turn it is, and the one whose turn is next.
    generation, processed
        Batches of notices that were written, and up to which one they are worked through.
    notices
        Files in the inbox.
    queue, dead_letters
        Messages.
    complete
        The run of the last complete results.
    recorded
        The last run that is over.
    """

    holder: Execution | None
    waiting: Execution | None
    generation: int
    processed: int
    notices: int
    queue: Queue
    dead_letters: Queue
    complete: RecordedRun | None
    recorded: RecordedRun | None


def look_at(deployment: Deployment) -> Situation:
    """Ask AWS what is going on."""
    item = _coordination(deployment)
    complete = last_complete_run(deployment)
    return Situation(
        holder=_execution(deployment, item.get(HOLDER)),
        waiting=_execution(deployment, item.get(WAITING)),
        generation=int(item.get(GENERATION, 0)),
        processed=int(item.get(PROCESSED, 0)),
        notices=sum(1 for _ in keys_in(deployment, INBOX)),
        queue=_queue(deployment, Output.QUEUE),
        dead_letters=_queue(deployment, Output.DEAD_LETTERS),
        complete=recorded_run(deployment, complete) if complete else None,
        recorded=_last_recorded(deployment),
    )


def _coordination(deployment: Deployment) -> dict[str, str]:
    """Read the item of coordination; before the first batch there is none."""
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


def _queue(deployment: Deployment, output: Output) -> Queue:
    counts = deployment.sqs.get_queue_attributes(
        QueueUrl=deployment.resource(output),
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )["Attributes"]
    return Queue(
        waiting=int(counts["ApproximateNumberOfMessages"]),
        taken=int(counts["ApproximateNumberOfMessagesNotVisible"]) + int(counts["ApproximateNumberOfMessagesDelayed"]),
    )


def _last_recorded(deployment: Deployment) -> RecordedRun | None:
    runs = (recorded_run(deployment, run_id) for run_id in newest_run_ids(deployment, RUNS_LOOKED_AT))
    return next((run for run in runs if run.record), None)


def facts(deployment: Deployment, situation: Situation) -> Iterator[tuple[str, str]]:
    """Write what is going on, as pairs of what it is about and what there is to tell."""
    yield "environment", f"{deployment.environment}, {deployment.region}, bucket {deployment.bucket}"
    yield "now", _in_words(situation.holder) or "no run is going on"
    yield "next", _in_words(situation.waiting) or "nobody waits for a turn"
    batches = f"generation {situation.generation:,}, worked through up to {situation.processed:,}"
    yield "inbox", f"{words.counted(situation.notices, 'file')} of notices; {batches}"
    yield "queue", _messages(situation.queue)
    yield "dead letters", _messages(situation.dead_letters)
    yield "results", _results(situation.complete) or "none yet"
    yield "last run", _last_run(situation.recorded) or "none yet"


def _in_words(execution: Execution | None) -> str | None:
    if execution is None:
        return None
    if execution.started is None:
        return f"{execution.name}, which AWS doesn't know"
    state = f": {in_words(execution.state)}" if execution.state and execution.is_running else ""
    since = f"{execution.status} since {words.moment(execution.started)}"
    return f"{execution.name} ({execution.mode}), {since}{state}"


def _messages(queue: Queue) -> str:
    taken = f", {queue.taken:,} being worked on" if queue.taken else ""
    return f"{words.counted(queue.waiting, 'message')}{taken}"


def _results(run: RecordedRun | None) -> str | None:
    if run is None or run.summary is None:
        return run.run_id if run else None
    counts = run.summary.counts
    numbers = f"{words.counted(counts.images, 'image')}, {counts.rejects:,} refused"
    return f"{run.run_id} of {words.moment(run.summary.finished_at)}: {numbers}"


def _last_run(run: RecordedRun | None) -> str | None:
    if run is None or run.record is None:
        return None
    record = run.record
    cost = f", {words.dollars(record.cost_usd)} USD" if record.cost_usd is not None else ""
    return f"{run.run_id} ({record.mode}), {record.state} in {words.duration(record.seconds)}{cost}"


def attention(deployment: Deployment, situation: Situation) -> Iterator[str]:
    """Say what somebody should see to, a sentence each."""
    if letters := situation.dead_letters.waiting + situation.dead_letters.taken:
        yield (
            f"{words.counted(letters, 'message')} about images could not be worked on; "
            f"{deployment.command('reprocess --mode reconcile')} finds those images all the same."
        )
    if situation.holder and not situation.holder.is_running:
        yield (
            "The run that has the turn is over without having given it back; the next one takes its place: "
            f"{deployment.command('reprocess --mode update')} starts one."
        )
    elif situation.holder is None and situation.notices:
        yield (
            "Notices wait and no run is going on; if that is so for minutes, "
            f"{deployment.command('reprocess --mode update')} starts one."
        )
    if situation.recorded and situation.recorded.record and situation.recorded.failed:
        record = situation.recorded.record
        pages = ", ".join(f"{name}: {page}" for name, page in record.links.items())
        yield f"The last run failed: {cause_in_words(record.reason or record.state)} ({pages})"
