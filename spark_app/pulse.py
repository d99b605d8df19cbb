"""The pulse of a run: it beats when something has ended, so that a watchdog can tell a long run from one that hangs."""

import itertools
from typing import Final


class Pulse:
    """A counter that threads may increase at the same time."""

    def __init__(self) -> None:
        self._next = itertools.count(1)
        self._beats = 0

    def beat(self) -> None:
        """Count something that has ended: a request to the storage, or a step of the run."""
        self._beats = next(self._next)

    @property
    def beats(self) -> int:
        """Number of beats so far."""
        return self._beats


PULSE: Final = Pulse()
"""The pulse of this process, which does one run at a time."""
