"""`fruits status`: prints the current state of an environment, and what needs attention."""

import argparse
from collections.abc import Iterator

from cli.cloud import words
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import explained_errors
from cli.cloud.history import phrase_for, readable_cause
from cli.cloud.records import RecordedRun
from cli.cloud.situation import Execution, MessageCounts, Situation, situation_of
from cli.subcommands import Subcommands, add_subcommand


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits status`."""
    parser = add_subcommand(subcommands, "status", "show what runs, waits and needs attention in an environment")
    add_environment_arguments(parser)
    parser.set_defaults(command=_status)


@explained_errors()
def _status(arguments: argparse.Namespace) -> int:
    deployment = connect(arguments.env, arguments.endpoint_url)
    situation = situation_of(deployment)
    print("\n".join(words.table(list(facts(deployment, situation)))))
    for sentence in attention(deployment, situation):
        print(f"Attention: {sentence}")
    return 0


def facts(deployment: Deployment, situation: Situation) -> Iterator[tuple[str, str]]:
    """Describe a situation as rows of a subject and a description."""
    yield "environment", f"{deployment.environment}, {deployment.region}, bucket {deployment.bucket}"
    yield "now", _execution(situation.holder) or "no execution is running"
    yield "next", _execution(situation.waiting) or "no execution waits for the lease"
    batches = f"generation {situation.generation:,}, processed up to {situation.processed:,}"
    yield "inbox", f"{words.counted(situation.notices, 'file')} of notices; {batches}"
    yield "queue", _messages(situation.queue)
    yield "dead letters", _messages(situation.dead_letters)
    yield "results", _results(situation.complete) or "none yet"
    yield "last run", _last_run(situation.recorded) or "none yet"


def _execution(execution: Execution | None) -> str | None:
    if execution is None:
        return None
    if execution.started is None:
        return f"{execution.name}, which AWS no longer has"
    state = f": {phrase_for(execution.state)}" if execution.state and execution.is_running else ""
    since = f"{execution.status}, started {words.moment(execution.started)}"
    return f"{execution.name} ({execution.mode}), {since}{state}"


def _messages(counts: MessageCounts) -> str:
    taken = f", {counts.taken:,} in progress" if counts.taken else ""
    return f"{words.counted(counts.waiting, 'message')}{taken}"


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
    """Write a sentence for each thing that the user has to look after."""
    if letters := situation.dead_letters.total:
        yield (
            f"{words.counted(letters, 'message')} could not be processed, and are in the dead-letter queue; "
            f"{deployment.command('reprocess --mode reconcile')} finds their images without the messages."
        )
    start_update = f"{deployment.command('reprocess --mode update')} starts an execution"
    if situation.holder and not situation.holder.is_running:
        yield f"The execution that holds the lease has ended without releasing it; {start_update} that takes it over."
    elif situation.holder is None and situation.notices:
        yield f"Notices wait, and no execution is running; if this lasts for minutes, {start_update}."
    if situation.recorded and situation.recorded.record and situation.recorded.failed:
        record = situation.recorded.record
        pages = ", ".join(f"{name}: {page}" for name, page in record.links.items())
        yield f"The last run failed: {readable_cause(record.reason or record.state)} ({pages})"
