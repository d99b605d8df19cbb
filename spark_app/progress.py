"""What a run reports to its user while it runs: steps, their results and durations, and how far the images are."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TextIO

from spark_app.pulse import PULSE
from spark_app.words import counted


@dataclass(frozen=True)
class Progress:
    """Progress of the step that computes features."""

    done: int
    total: int
    refused: int
    seconds: float
    """Time since the step began."""

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Remaining time at the present rate; `None` before the first image."""
        return (self.total - self.done) / self.rate if self.rate else None


class Reporter(Protocol):
    """Receives the reports of a run."""

    def started(self, step: str) -> None:
        """Report that a step begins."""

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Report that a step has ended, and with what result."""

    def progress(self, progress: Progress) -> None:
        """Report the progress of the step that computes features."""

    def committed(self, chunk: int, chunks: int) -> None:
        """Report that a chunk is committed: a crash can no longer lose it."""

    def note(self, sentence: str) -> None:
        """Report a sentence that the user should know before trusting the numbers."""


class PlainReporter:
    """A reporter that prints one line per step, and lines of progress while workers compute features.

    Parameters
    ----------
    seconds_between
        Minimum time between two lines of progress.
    """

    def __init__(self, out: TextIO, seconds_between: float = 5.0) -> None:
        self._out = out
        self._seconds_between = seconds_between
        self._next = seconds_between

    def started(self, step: str) -> None:  # noqa: ARG002 -- the line of a step appears when the step has ended
        """Restart the interval of the lines of progress."""
        self._next = self._seconds_between

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Print the step, its duration and its result."""
        self._print(f"{step:<11}{seconds:7.1f} s  {outcome}")

    def progress(self, progress: Progress) -> None:
        """Print the progress if the interval is over."""
        if progress.seconds >= self._next:
            self._next = progress.seconds + self._seconds_between
            self._print(f"           {describe(progress)}")

    def committed(self, chunk: int, chunks: int) -> None:
        """Print the number of committed chunks if there are several chunks."""
        if chunks > 1:
            self._print(f"committed  chunk {chunk} of {chunks}")

    def note(self, sentence: str) -> None:
        """Print the sentence."""
        self._print(f"Note: {sentence}")

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def describe(progress: Progress) -> str:
    """Return a line about the progress: images computed or removed, rate, remaining time, refused images."""
    left = progress.seconds_left
    time_left = f", {left:.0f} s left" if left is not None else ""
    refused = f", {progress.refused:,} refused" if progress.refused else ""
    return f"{progress.done:,} of {counted(progress.total, 'change')}, {progress.rate:.0f}/s{time_left}{refused}"


@contextmanager
def polling(poll: Callable[[], None], seconds_between: float = 0.25) -> Iterator[None]:
    """Call a function repeatedly in a thread while the body runs, and once after the body."""
    done = threading.Event()

    def loop() -> None:
        while not done.wait(seconds_between):
            poll()

    thread = threading.Thread(target=loop, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    poll()


class Step:
    """One step of a run, which collects the parts of its result."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def tell(self, *parts: str) -> None:
        """Add parts of the result, such as ``"60 images"``."""
        self._parts += parts

    @property
    def outcome(self) -> str:
        """The result in words."""
        return ", ".join(self._parts)


class StepClock:
    """Measures the steps of a run, and reports them.

    Parameters
    ----------
    timings
        Receives the seconds of each completed step, in the order of the steps.
    """

    def __init__(self, reporter: Reporter, timings: dict[str, float]) -> None:
        self._timings = timings
        self._reporter = reporter

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Measure the body as a step, and report it when the body has succeeded."""
        step = Step()
        PULSE.beat()
        self._reporter.started(name)
        start = time.monotonic()
        yield step
        PULSE.beat()
        seconds = time.monotonic() - start
        self._timings[name] = round(seconds, 3)
        self._reporter.finished(name, seconds, step.outcome)
