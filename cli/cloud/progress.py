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
    """A display of files in transfer: `one_done` counts a file, transferred or not, and `say` prints a line."""

    one_done: Callable[[], None]
    say: Callable[[str], None]


def plain_progress(out: TextIO, total: int, clock: Callable[[], float] = time.monotonic) -> TransferProgress:
    """Return a display that prints a line every few seconds."""
    start = last = clock()
    done = 0

    def say(line: str) -> None:
        print(line, file=out, flush=True)

    def one_done() -> None:
        nonlocal done, last
        done += 1
        now = clock()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            # Files that appear during the transfer were not counted in the total.
            left = max(0, total - done) * (now - start) / done
            say(f"  {done:,} of {counted(total, 'file')}, {duration(left)} left")

    return TransferProgress(one_done, say)


@contextmanager
def transfer_progress(out: TextIO, total: int) -> Iterator[TransferProgress]:
    """Show the progress of files with a bar if `out` is a terminal, and in plain lines otherwise."""
    if not out.isatty():
        yield plain_progress(out, total)
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
    """Yield a function that prints a step: it takes the seconds since the start, and the words for the step.

    A terminal shows the last step below the lines, too, with a clock.
    """
    if not out.isatty():
        yield lambda seconds, words: print(_line(seconds, words), file=out, flush=True)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
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
