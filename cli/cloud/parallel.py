"""Many requests at once, for any number of items, in memory that does not grow."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

THREADS = 16
"""Requests at once: a request spends its time on the way."""

AHEAD = 2 * THREADS
"""Items that are handed out before results are taken back."""


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Do work on items, several at once.

    Unlike a pool of the standard library, it takes items only as fast as they are worked off, and when its user leaves
    (Ctrl-C), nobody waits for requests that are under way.

    Parameters
    ----------
    work
        Called in threads.
    items
        Taken in the thread of the caller.

    Yields
    ------
    R
        Results as they come, in no particular order. What `work` raises is raised here.
    """
    handed_out: SimpleQueue[tuple[T] | None] = SimpleQueue()
    done: SimpleQueue[Future[R]] = SimpleQueue()
    for number in range(THREADS):
        threading.Thread(target=_labour, args=(work, handed_out, done), name=f"fruits-{number}", daemon=True).start()
    under_way = 0
    try:
        for item in items:
            handed_out.put((item,))
            under_way += 1
            if under_way == AHEAD:
                yield done.get().result()
                under_way -= 1
        for _ in range(under_way):
            yield done.get().result()
    finally:
        _dismiss(handed_out)


def _labour(work: Callable[[T], R], handed_out: SimpleQueue[tuple[T] | None], done: SimpleQueue[Future[R]]) -> None:
    while (item := handed_out.get()) is not None:
        result: Future[R] = Future()
        try:
            result.set_result(work(*item))
        except Exception as error:  # noqa: BLE001 -- raised again where the result is taken
            result.set_exception(error)
        done.put(result)


def _dismiss(handed_out: SimpleQueue[tuple[T] | None]) -> None:
    try:
        while True:
            handed_out.get_nowait()
    except Empty:
        for _ in range(THREADS):
            handed_out.put(None)
