"""What a run shows on a terminal: a line per finished step, and a bar while images are computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from spark_app.progress import PlainReporter, Progress, Reporter, describe


class BarReporter:
    """Draws a spinner for the step under way, and a bar for the images.

    Parameters
    ----------
    bar
        Rich's, running.
    """

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None, detail="")

    def started(self, step: str) -> None:
        """Name the step under way."""
        self._bar.reset(self._task, total=None, description=step, detail="")

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Leave a line of the step."""
        self._bar.console.print(f"{step:<11}{seconds:7.1f} s  {outcome}", highlight=False, markup=False)

    def progress(self, progress: Progress) -> None:
        """Move the bar."""
        if progress.total:
            detail = describe(progress)
            self._bar.update(self._task, completed=progress.done, total=progress.total, detail=detail)

    def committed(self, chunk: int, chunks: int) -> None:
        """Leave nothing: the bar tells enough."""

    def note(self, sentence: str) -> None:
        """Leave a line with the sentence."""
        self._bar.console.print(f"[yellow]Note:[/yellow] {sentence}", highlight=False)


@contextmanager
def terminal_reporter(out: TextIO) -> Iterator[Reporter]:
    """Report on a terminal with a bar, elsewhere in plain lines."""
    if not out.isatty():
        yield PlainReporter(out)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[detail]}"),
    )
    with Bar(*columns, console=Console(file=out), transient=True, redirect_stderr=False) as bar:
        yield BarReporter(bar)
