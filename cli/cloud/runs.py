"""`fruits runs`: lists the run that goes on, and the last runs with their results and costs."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from cli.cloud import words
from cli.cloud.environment import add_environment_arguments, connect
from cli.cloud.errors import explained_errors
from cli.cloud.parallel import in_parallel
from cli.cloud.records import RecordedRun, newest_run_ids, recorded_run
from cli.cloud.situation import Execution, holder_of
from cli.subcommands import Subcommands, add_subcommand
from spark_app.errors import UsageError
from spark_app.options import whole_number

HEADER = ("run", "mode", "state", "started", "duration", "images", "refused", "cost in USD")
NUMBERS = frozenset(map(HEADER.index, ("duration", "images", "refused", "cost in USD")))


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits runs`."""
    parser = add_subcommand(subcommands, "runs")
    parser.add_argument("--last", type=whole_number, default=20, metavar="N", help="number of runs [%(default)s]")
    add_environment_arguments(parser)
    parser.set_defaults(command=_runs)


@explained_errors()
def _runs(arguments: argparse.Namespace) -> int:
    if arguments.last < 1:
        raise UsageError(f"--last must be at least 1, not {arguments.last}.")
    deployment = connect(arguments.env, arguments.endpoint_url)
    run_ids = newest_run_ids(deployment, arguments.last)
    going_on = holder_of(deployment)
    current = going_on.run.run_id if going_on and going_on.run else None
    ended = (run_id for run_id in run_ids if run_id != current)
    runs = list(in_parallel(partial(recorded_run, deployment), ended))
    if not runs and not going_on:
        print(f"There are no runs yet: upload images with {deployment.command('upload FOLDER')}.")
        return 0
    print("\n".join(_table_of(runs, going_on)))
    print(_total_of(runs))
    return 0


def _table_of(runs: Sequence[RecordedRun], going_on: Execution | None) -> list[str]:
    newest_first = sorted(runs, key=lambda run: run.run_id, reverse=True)
    first = [_row_of_execution(going_on)] if going_on else []
    return words.table([HEADER, *first, *map(_row, newest_first)], NUMBERS)


def _row_of_execution(execution: Execution) -> tuple[str, ...]:
    """Describe the run that goes on, or the execution that has not begun its run yet."""
    run = execution.run
    began = run.began if run else execution.started
    seconds = (datetime.now(UTC) - began).total_seconds() if began else 0
    known = ("RUNNING", words.moment(began) if began else words.NOTHING, words.duration(max(0, seconds)))
    return (run.run_id if run else "none yet", execution.mode or words.NOTHING, *known, *[words.NOTHING] * 3)


def _total_of(runs: Sequence[RecordedRun]) -> str:
    costs = [run.record.cost_usd for run in runs if run.record and run.record.cost_usd is not None]
    unknown = len(runs) - len(costs)
    but = f", without {unknown:,} of unknown cost" if unknown else ""
    return f"{words.counted(len(runs), 'run')}: {words.dollars(sum(costs))} USD{but}"


def _row(run: RecordedRun) -> tuple[str, ...]:
    record, counts = run.record, run.summary.counts if run.summary else None
    known = record or run.summary
    return (
        run.run_id,
        known.mode if known else words.NOTHING,
        record.state if record else words.NOTHING,
        words.moment(known.started_at) if known else words.NOTHING,
        words.duration(record.seconds) if record else words.NOTHING,
        f"{counts.images:,}" if counts else words.NOTHING,
        f"{counts.rejects:,}" if counts else words.NOTHING,
        words.dollars(record.cost_usd if record else None),
    )
