"""Signals that end a process: Ctrl-C, a closed terminal, and the request of another program."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ending_by_exception() -> Iterator[list[int]]:
    """Make all signals that end a process raise KeyboardInterrupt, so that the process tidies up before it ends.

    Signals that this process ignores, as under `nohup`, stay ignored.

    Yields
    ------
    list of int
        The numbers of the signals that have arrived.
    """
    arrived: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)
        raise KeyboardInterrupt

    with _handled_by(end):
        yield arrived


@contextmanager
def postponed(at_once: Callable[[], None]) -> Iterator[None]:
    """Postpone the signals that end this process to the end of the body.

    Libraries that call back from another language lose an exception that a signal raises in the middle of them.

    Parameters
    ----------
    at_once
        Called when a signal arrives, to make the body end early.
    """
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)
        at_once()

    try:
        with _handled_by(note):
            yield
    finally:
        if arrived:
            signal.raise_signal(arrived[0])


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the signals that are not ignored. Only the main thread of a process may do so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        for number, earlier in before.items():
            if earlier is not signal.SIG_IGN:
                signal.signal(number, handler)
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
