"""The last lines of the logs that matter: what a failed run has written before its end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from cli.cloud.environment import Deployment
from cli.cloud.log_entries import LogEntry, Severity
from cli.cloud.log_groups import DRIVER, WORKFLOW
from cli.cloud.log_reader import entries_about
from cli.cloud.logged_run import logged_run
from cli.cloud.words import printable

LAST = timedelta(minutes=15)
"""Time before the end of a run of which the log is read."""

LINES = 5
"""Number of lines that are shown."""

LONGEST_LINE = 400
"""Number of characters at which a line is cut."""


def last_words(deployment: Deployment, run_id: str) -> tuple[str, ...]:
    """Return the last errors in the logs of a run, or what its driver has written last if there are none."""
    run = logged_run(deployment, run_id)
    if run.ends:
        run = replace(run, begins=max(run.begins, run.ends - LAST))
    entries = [entry for entry in entries_about(deployment, run) if entry.source != WORKFLOW]
    errors = [entry for entry in entries if entry.severity is Severity.ERROR]
    steps = [entry for entry in entries if entry.source == DRIVER and entry.severity is Severity.INFO]
    return tuple(dict.fromkeys(_lines(errors or steps)))


def _lines(entries: Sequence[LogEntry]) -> Iterator[str]:
    for entry in entries[-LINES:]:
        text = " ".join(printable(entry.gist).split())
        cut = text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]} ..."
        yield f"{entry.at:%H:%M:%S} {entry.source}: {cut}"
