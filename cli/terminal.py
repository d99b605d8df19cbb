"""How a terminal shows a run: one line per finished step, and a bar while the workers compute features."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from spark_app.progress import PlainReporter, Progress, Reporter, describe


class BarReporter:
    """A reporter that shows the current step and a bar for the images in a bar of Rich, which the caller starts."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None, detail="")

    def started(self, step: str) -> None:
        """Show the name of the step."""
        self._bar.reset(self._task, total=None, description=step, detail="")

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Print a line about the step."""
        self._bar.console.print(f"{step:<11}{seconds:7.1f} s  {outcome}", highlight=False, markup=False)

    def progress(self, progress: Progress) -> None:
        """Move the bar."""
        if progress.total:
            detail = describe(progress)
            self._bar.update(self._task, completed=progress.done, total=progress.total, detail=detail)

    def committed(self, chunk: int, chunks: int) -> None:
        """Print nothing, because the bar shows the progress."""

    def note(self, sentence: str) -> None:
        """Print the sentence."""
        self._bar.console.print(Text.assemble(("Note:", "yellow"), " ", sentence), highlight=False)


@contextmanager
def terminal_reporter(out: TextIO) -> Iterator[Reporter]:
    """Report with a bar if `out` is a terminal, and in plain lines otherwise."""
    if not out.isatty():
        yield PlainReporter(out)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<9}", markup=False),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    with Bar(*columns, console=Console(file=out), transient=True, redirect_stderr=False) as bar:
        yield BarReporter(bar)
