"""Tests of `in_parallel`."""

import threading
from collections.abc import Iterator

import pytest

from cli.cloud.parallel import AHEAD, THREADS, in_parallel


def test_every_item_is_worked_on_once() -> None:
    """No result is missing or present twice, in any order of completion."""
    assert sorted(in_parallel(lambda number: number * number, range(1000))) == [n * n for n in range(1000)]


def test_as_many_as_there_are_threads_are_worked_on_at_once() -> None:
    """All threads work at the same time; if one waited for another, this test would time out."""
    together = threading.Barrier(THREADS, timeout=60)
    assert len(list(in_parallel(lambda _: together.wait(), range(THREADS)))) == THREADS


def test_items_are_taken_as_fast_as_they_are_processed() -> None:
    """The number of items in memory is limited, for any number of items."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 10_000:
            taken += 1
            yield taken

    for worked_off, _ in enumerate(in_parallel(str, items()), start=1):
        assert taken <= worked_off + AHEAD


def test_what_an_item_raises_is_raised_to_the_caller() -> None:
    """The caller gets an exception that `work` raises in a thread."""
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda number: 1 // number, [1, 0, 1]))


def test_a_caller_that_leaves_does_not_wait_for_requests_in_progress() -> None:
    """Ctrl-C ends a command and its process even if requests hang, and starts no further request."""
    hangs, begun = threading.Event(), []

    def work(number: int) -> int:
        begun.append(number)
        if number:
            hangs.wait(60)
        return number

    results = in_parallel(work, range(AHEAD))
    assert next(results) == 0
    results.close()
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("fruits-")]
    assert all(thread.daemon for thread in threads)
    hangs.set()
    for thread in threads:
        thread.join(60)
    assert len(begun) <= THREADS + 1
