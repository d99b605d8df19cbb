"""What a run tells the person who started it, while it runs."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TextIO


@dataclass(frozen=True)
class Progress:
    """How far the featurising is.

    Attributes
    ----------
    done, total, refused
        Images.
    seconds
        Since it began.
    """

    done: int
    total: int
    refused: int
    seconds: float

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; None before the first image."""
        return (self.total - self.done) / self.rate if self.rate else None


class Reporter(Protocol):
    """Takes what a run has to tell."""

    def started(self, step: str) -> None:
        """Tell that a step begins."""

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Tell that a step has ended, and how."""

    def progress(self, progress: Progress) -> None:
        """Tell how far the featurising is."""

    def committed(self, chunk: int, chunks: int) -> None:
        """Tell that a chunk is in the tables: a crash loses it no more."""

    def note(self, sentence: str) -> None:
        """Tell what the reader should know before trusting the numbers."""


class PlainReporter:
    """Prints a line per step and, while images are computed, one every few seconds.

    Parameters
    ----------
    out
        Where to print.
    seconds_between
        Least time between two lines of progress.
    """

    def __init__(self, out: TextIO, seconds_between: float = 5.0) -> None:
        self._out = out
        self._seconds_between = seconds_between
        self._next = seconds_between

    def started(self, step: str) -> None:  # noqa: ARG002 -- plain lines tell of a step when it has ended
        """Start the clock of the lines of progress."""
        self._next = self._seconds_between

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Print the step, its time and its outcome."""
        self._print(f"{step:<11}{seconds:7.1f} s  {outcome}")

    def progress(self, progress: Progress) -> None:
        """Print how far the featurising is, if it is time for it."""
        if progress.seconds >= self._next:
            self._next = progress.seconds + self._seconds_between
            self._print(f"           {describe(progress)}")

    def committed(self, chunk: int, chunks: int) -> None:
        """Print how many chunks are done, where there are several."""
        if chunks > 1:
            self._print(f"committed  chunk {chunk} of {chunks}")

    def note(self, sentence: str) -> None:
        """Print the sentence."""
        self._print(f"Note: {sentence}")

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def describe(progress: Progress) -> str:
    """Put progress in words: images done, rate, time left, refused so far."""
    left = progress.seconds_left
    time_left = f", {left:.0f} s left" if left is not None else ""
    refused = f", {progress.refused:,} refused" if progress.refused else ""
    return f"{progress.done:,} of {progress.total:,} images, {progress.rate:.0f}/s{time_left}{refused}"


@contextmanager
def polling(poll: Callable[[], None], seconds_between: float = 0.25) -> Iterator[None]:
    """Call a function again and again beside the body, and once after it."""
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


class StepClock:
    """Times the steps of a run and reports them.

    Parameters
    ----------
    reporter
        Takes what the steps have to tell.

    Attributes
    ----------
    timings
        Seconds of each step that has ended, in the order of the steps.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.timings: dict[str, float] = {}
        self._reporter = reporter

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a step; its body appends the words of its outcome to the list it is given."""
        outcome: list[str] = []
        self._reporter.started(name)
        start = time.monotonic()
        yield outcome
        seconds = time.monotonic() - start
        self.timings[name] = round(seconds, 3)
        self._reporter.finished(name, seconds, ", ".join(outcome))
