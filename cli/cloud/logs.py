"""`fruits logs`: prints what the driver, the executors, the functions and the workflow have written about a run."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import explained_errors, interruption
from cli.cloud.follow import SECONDS_BETWEEN_REQUESTS
from cli.cloud.history import ending, events_after, named_run
from cli.cloud.log_entries import LogEntry, Severity
from cli.cloud.log_groups import log_groups_of
from cli.cloud.log_reader import LogReader, entries_about, entries_since, merged, sections_of, step_entries
from cli.cloud.logged_run import LoggedRun, logged_run, run_in
from cli.cloud.words import counted, printable
from cli.subcommands import Subcommands, add_subcommand
from contract.runs import is_run_id
from spark_app.errors import UsageError
from spark_app.options import OneOf, count

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef


class Level(StrEnum):
    """Values of ``--level``."""

    ALL = "all"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


LEAST = {
    Level.ALL: Severity.NOISE,
    Level.INFO: Severity.INFO,
    Level.WARNING: Severity.WARNING,
    Level.ERROR: Severity.ERROR,
}

MARKS = {Severity.WARNING: "WARNING ", Severity.ERROR: "ERROR "}


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits logs`."""
    parser = add_subcommand(subcommands, "logs")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", metavar="ID", help="a run that `fruits runs` lists [the one that goes on, or the last]")
    which.add_argument(
        "--hours", type=count, metavar="N", help="the last N hours of all runs and functions, instead of one run"
    )
    parser.add_argument("--follow", action="store_true", help="go on with new entries until the run ends")
    parser.add_argument(
        "--level",
        type=OneOf(Level),
        default=Level.INFO.value,
        metavar=f"{{{','.join(Level)}}}",
        help="least severity; info leaves out what Spark reports about itself, all does not [%(default)s]",
    )
    add_environment_arguments(parser)
    parser.set_defaults(command=_logs)


@explained_errors()
def _logs(arguments: argparse.Namespace) -> int:
    if arguments.run is not None and not is_run_id(arguments.run):
        raise UsageError(f"--run must be an id such as 20261120T121530Z-3fa94c, not {arguments.run!r}.")
    if arguments.hours and arguments.follow:
        raise UsageError("--follow is for one run: leave out --hours.")
    deployment, least = connect(arguments.env, arguments.endpoint_url), LEAST[Level(arguments.level)]
    if arguments.hours:
        begins = datetime.now(UTC) - timedelta(hours=arguments.hours)
        _print(entries_since(deployment, begins), least)
        return 0
    run = logged_run(deployment, arguments.run)
    print(f"Run {run.run_id or 'that has not begun yet'}, execution {run.execution.rpartition(':')[2]}:", flush=True)
    if arguments.follow:
        with interruption(lambda: "This command ends; the run goes on."):
            for entries in follow(deployment, run, time.sleep):
                _print(entries, least)
    elif not _print(entries_about(deployment, run), least):
        print(f"There are no entries of level {arguments.level} or above.")
    return 0


def follow(deployment: Deployment, run: LoggedRun, wait: Callable[[float], None]) -> Iterator[list[LogEntry]]:
    """Yield the entries about a run as they arrive, until its execution ends; later runs of the execution follow."""
    reader, groups, last_event = LogReader(deployment), log_groups_of(deployment), 0
    jobs = dict.fromkeys(run.jobs)
    while True:
        events = events_after(deployment.stepfunctions, run.execution)
        is_over = run.ends is not None or ending(events) is not None
        present = run if run.ends else run_in(run.execution, events, _last_run(run, events))
        jobs |= dict.fromkeys(present.jobs)
        # The log of a job arrives after its end, when the execution may have begun another run.
        sections = list(sections_of(replace(run, jobs=tuple(jobs)), groups))
        found = reader.new_entries(sections, is_last=is_over)
        steps = step_entries(event for event in (run.steps if run.ends else events) if event["id"] > last_event)
        yield merged(found, steps)
        last_event = events[-1]["id"] if events else 0
        if is_over:
            return
        wait(SECONDS_BETWEEN_REQUESTS)


def _last_run(run: LoggedRun, events: "list[HistoryEventTypeDef]") -> str | None:
    """Return the last run that an execution has begun."""
    run_ids = [run_id for event in events if (run_id := named_run(event))]
    return run_ids[-1] if run_ids else run.run_id


def _print(entries: Iterable[LogEntry], least: Severity) -> int:
    """Print the entries of a least severity, and return their number."""
    shown = [entry for entry in entries if entry.severity >= least]
    for entry in shown:
        # The traces of warnings are long, and say little: what matters becomes an error in the end.
        is_whole = entry.severity is Severity.ERROR or least is Severity.NOISE
        print("\n".join(lines_of(entry if is_whole else _shortened(entry))))
    sys.stdout.flush()
    return len(shown)


def _shortened(entry: LogEntry) -> LogEntry:
    more = (f"... {counted(len(entry.more), 'more line')}: --level all",) if entry.more else ()
    return replace(entry, more=more)


def lines_of(entry: LogEntry) -> Iterator[str]:
    """Write an entry as lines: time, source, severity if it is serious, text; a stack trace is indented below it."""
    yield f"{entry.at:%m-%d %H:%M:%S}  {entry.source:<10}  {MARKS.get(entry.severity, '')}{printable(entry.text)}"
    for line in entry.more:
        yield f"    {printable(line.expandtabs(4))}"
