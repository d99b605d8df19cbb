"""The time and the memory that a decoder may take for one image, beyond which the image is to blame."""

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from contract.worker_memory import IDLE_WORKER
from spark_app.settings import Limits

SECONDS = 300.0
"""Maximum time of an image at the usual limits. The slowest layouts take less than 20 s alone on a core."""

USUAL = Limits()

STDERR = 2


@dataclass(frozen=True)
class Bounds:
    """The most that a decoder may take for one image."""

    seconds: float
    gigabytes: float
    """Resident memory of a process that only decodes. It may take as much as a worker that computes features, too."""

    @classmethod
    def of(cls, limits: Limits) -> Self:
        """Return the bounds of the images within the limits. They grow if the user allows larger images or files."""
        scale = max(limits.megapixels / USUAL.megapixels, limits.megabytes / USUAL.megabytes, 1.0)
        return cls(SECONDS * scale, (IDLE_WORKER + max(limits.memory, USUAL.memory)) / 1e9)


def let_end() -> None:
    """Let `SIGALRM` end this process. A process may have been started with signals ignored.

    Only the main thread of a process can call this.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


@contextmanager
def process_ends_after(seconds: float) -> Iterator[None]:
    """End this process by `SIGALRM` if the block takes longer, and write to stderr where it was.

    Nothing else ends an endless loop in a decoder: Python can't interrupt native code. A process can have one such
    block at a time. A timer of the operating system costs a microsecond per image; the thread that
    `faulthandler.dump_traceback_later` starts costs a twentieth of the time of a small image.
    """
    faulthandler.register(signal.SIGALRM, file=STDERR, chain=True)  # the signal then ends the process, see `let_end`
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
