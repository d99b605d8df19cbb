"""What is shown while files go up or down: a bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from cli.cloud.words import counted, duration

SECONDS_BETWEEN = 5.0
"""Least time between two lines of progress."""


class TransferProgress(Protocol):
    """Takes what there is to tell of files under way."""

    def one_done(self) -> None:
        """Tell that another file is done with."""

    def say(self, line: str) -> None:
        """Leave a line."""


class PlainProgress:
    """Prints a line every few seconds.

    Parameters
    ----------
    out
        Where to print.
    total
        Files.
    clock
        Tells the seconds.
    """

    def __init__(self, out: TextIO, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._total = total
        self._clock = clock
        self._start = self._last = clock()
        self._done = 0

    def one_done(self) -> None:
        """Print how far it is, if it is time for it."""
        self._done += 1
        now = self._clock()
        if now - self._last >= SECONDS_BETWEEN:
            self._last = now
            # Files may come while others go up: then there are more than were counted.
            left = max(0, self._total - self._done) * (now - self._start) / self._done
            self.say(f"  {self._done:,} of {counted(self._total, 'file')}, {duration(left)} left")

    def say(self, line: str) -> None:
        """Print the line."""
        print(line, file=self._out, flush=True)


class BarProgress:
    """Draws a bar.

    Parameters
    ----------
    bar
        Rich's, running.
    total
        Files.
    """

    def __init__(self, bar: Bar, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total)

    def one_done(self) -> None:
        """Move the bar."""
        self._bar.advance(self._task)

    def say(self, line: str) -> None:
        """Leave the line above the bar."""
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def transfer_progress(out: TextIO, total: int) -> Iterator[TransferProgress]:
    """Show the progress of files: on a terminal with a bar, elsewhere in plain lines."""
    if not out.isatty():
        yield PlainProgress(out, total)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("files,"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(file=out), transient=True, redirect_stderr=False) as bar:
        yield BarProgress(bar, total)


@contextmanager
def steps(out: TextIO) -> Iterator[Callable[[float, str], None]]:
    """Show steps as they begin: a line for each and, on a terminal, the last one with a clock.

    Yields
    ------
    callable
        Takes the seconds since the start, and the words for the step.
    """
    if not out.isatty():
        yield lambda seconds, words: print(_step(seconds, words), file=out, flush=True)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(file=out), transient=True, redirect_stderr=False) as bar:
        task = bar.add_task("")

        def tell(seconds: float, words: str) -> None:
            bar.console.print(_step(seconds, words), highlight=False, markup=False, soft_wrap=True)
            bar.update(task, description=words)

        yield tell


def _step(seconds: float, words: str) -> str:
    return f"{duration(seconds):>8}  {words}"
