"""`fruits runs`: lists the run that goes on, and the last runs with their results and costs."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cli.as_json import add_json_argument, print_json
from cli.cloud import words
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import explained_errors
from cli.cloud.parallel import in_parallel
from cli.cloud.records import RecordedRun, newest_run_ids, recorded_run
from cli.cloud.situation import Execution, holder_of
from cli.subcommands import Subcommands, add_subcommand
from spark_app.options import count

HEADER = ("run", "mode", "state", "started", "duration", "images", "refused", "cost in USD")
DISPENSABLE = ("refused", "mode", "images", "duration", "started", "cost in USD")
"""Columns in the order in which a narrow terminal loses them."""

NUMBERS = frozenset(map(HEADER.index, ("duration", "images", "refused", "cost in USD")))


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits runs`."""
    parser = add_subcommand(subcommands, "runs")
    parser.add_argument("--last", type=count, default=20, metavar="N", help="number of runs [%(default)s]")
    add_json_argument(parser)
    add_environment_arguments(parser)
    parser.set_defaults(command=_runs)


@explained_errors()
def _runs(arguments: argparse.Namespace) -> int:
    deployment = connect(arguments.env, arguments.endpoint_url)
    going_on = holder_of(deployment)
    current = going_on.run.run_id if going_on and going_on.run else None
    runs = [run for run in last_runs(deployment, arguments.last) if run.run_id != current]
    if arguments.json:
        print_json(document(runs, going_on))
        return 0
    if not runs and not going_on:
        print(f"There are no runs yet: upload images with {deployment.command('upload FOLDER')}.")
        return 0
    print("\n".join(_table_of(runs, going_on)))
    print(total_of(runs))
    return 0


def last_runs(deployment: Deployment, count: int) -> list[RecordedRun]:
    """Read the documents of the last runs."""
    return list(in_parallel(partial(recorded_run, deployment), newest_run_ids(deployment, count)))


def _table_of(runs: Sequence[RecordedRun], going_on: Execution | None) -> list[str]:
    first = [_row_of_execution(going_on)] if going_on else []
    rows = [HEADER, *first, *map(_row, _newest_first(runs))]
    return words.fitted_table(rows, NUMBERS, DISPENSABLE, words.terminal_width())


def _newest_first(runs: Sequence[RecordedRun]) -> list[RecordedRun]:
    return sorted(runs, key=lambda run: run.run_id, reverse=True)


def document(runs: Sequence[RecordedRun], going_on: Execution | None) -> dict[str, Any]:
    """Describe runs for a program: fields whose values are unknown are null."""
    run = going_on.run if going_on else None
    return {
        "going_on": {
            "execution": going_on.name,
            "run": run.run_id if run else None,
            "mode": going_on.mode,
            "started_at": run.began if run else going_on.started,
        }
        if going_on
        else None,
        "runs": [_document_of(run) for run in _newest_first(runs)],
        "cost_usd": total_cost(runs),
    }


def _document_of(run: RecordedRun) -> dict[str, Any]:
    record, counts = run.record, run.summary.counts if run.summary else None
    known = record or run.summary
    return {
        "run": run.run_id,
        "mode": known.mode if known else None,
        "state": record.state if record else None,
        "started_at": known.started_at if known else None,
        "seconds": record.seconds if record else None,
        "images": counts.images if counts else None,
        "refused": counts.rejects if counts else None,
        "cost_usd": record.cost_usd if record else None,
    }


def costs_of(runs: Sequence[RecordedRun]) -> list[float]:
    """Return the costs in USD of the runs whose cost is known."""
    return [run.record.cost_usd for run in runs if run.record and run.record.cost_usd is not None]


def total_cost(runs: Sequence[RecordedRun]) -> float:
    """Return the sum of the known costs in USD, rounded to a millionth, as each of them is."""
    return round(sum(costs_of(runs)), 6)


def _row_of_execution(execution: Execution) -> tuple[str, ...]:
    """Describe the run that goes on, or the execution that has not begun its run yet."""
    run = execution.run
    began = run.began if run else execution.started
    seconds = (datetime.now(UTC) - began).total_seconds() if began else 0
    known = ("RUNNING", words.moment(began) if began else words.NOTHING, words.duration(max(0, seconds)))
    return (run.run_id if run else "none yet", execution.mode or words.NOTHING, *known, *[words.NOTHING] * 3)


def total_of(runs: Sequence[RecordedRun]) -> str:
    """Say what runs have cost together."""
    unknown = len(runs) - len(costs_of(runs))
    but = f", without {unknown:,} of unknown cost" if unknown else ""
    return f"{words.counted(len(runs), 'run')}: {words.dollars(total_cost(runs))} USD{but}"


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
