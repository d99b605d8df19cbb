"""How a terminal or a log shows progress: of files in transfer, and of the steps of an execution."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

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

SECONDS_BETWEEN_LINES = 5.0
"""Least time between two lines of progress where there is no terminal."""


@dataclass(frozen=True)
class TransferProgress:
    """A display of files in transfer.

    Attributes
    ----------
    one_done
        Counts another file, transferred or not.
    say
        Prints a line.
    """

    one_done: Callable[[], None]
    say: Callable[[str], None]


class PlainProgress:
    """Prints a line about files in transfer every few seconds.

    Parameters
    ----------
    total
        Number of files.
    clock
        Function that returns the time in seconds.
    """

    def __init__(self, out: TextIO, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._total = total
        self._clock = clock
        self._start = self._last = clock()
        self._done = 0

    def one_done(self) -> None:
        """Count a file, and print a line if the last one is some seconds old."""
        self._done += 1
        now = self._clock()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            # Files that appear during the transfer were not counted in the total.
            left = max(0, self._total - self._done) * (now - self._start) / self._done
            self.say(f"  {self._done:,} of {counted(self._total, 'file')}, {duration(left)} left")

    def say(self, line: str) -> None:
        """Print a line."""
        print(line, file=self._out, flush=True)


@contextmanager
def transfer_progress(out: TextIO, total: int) -> Iterator[TransferProgress]:
    """Show the progress of files with a bar if `out` is a terminal, and in plain lines otherwise."""
    if not out.isatty():
        plain = PlainProgress(out, total)
        yield TransferProgress(plain.one_done, plain.say)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("files,"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(file=out), transient=True, redirect_stderr=False) as bar:
        task = bar.add_task("", total=total)
        yield TransferProgress(lambda: bar.advance(task), lambda line: _print_above(bar, line))


@contextmanager
def step_printer(out: TextIO) -> Iterator[Callable[[float, str], None]]:
    """Show steps, a line each. A terminal shows the last step below the lines, too, with a clock.

    Yields
    ------
    callable
        Function that prints a step: it takes the seconds since the start, and the words for the step.
    """
    if not out.isatty():
        yield lambda seconds, words: print(_line(seconds, words), file=out, flush=True)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(file=out), transient=True, redirect_stderr=False) as bar:
        task = bar.add_task("")

        def print_step(seconds: float, words: str) -> None:
            _print_above(bar, _line(seconds, words))
            bar.update(task, description=words)

        yield print_step


def _print_above(bar: Bar, line: str) -> None:
    bar.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _line(seconds: float, words: str) -> str:
    return f"{duration(seconds):>8}  {words}"
