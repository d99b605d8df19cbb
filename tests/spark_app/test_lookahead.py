"""Tests of results that threads compute ahead."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_app.lookahead import grouped, map_ahead


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return a pool of four threads."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_results_come_in_order_however_long_each_takes(pool: ThreadPoolExecutor) -> None:
    """The first result comes first, even if it is completed after others."""
    others_done = threading.Barrier(4)

    def work(item: int) -> int:
        if item < 4:
            others_done.wait(timeout=30)
        return item * item

    assert list(map_ahead(work, range(20), pool, ahead=8)) == [item * item for item in range(20)]


@given(weights=st.lists(st.integers(0, 120), max_size=30), ahead=st.integers(1, 6))
def test_no_more_is_under_way_than_allowed(weights: list[int], ahead: int) -> None:
    """Neither the number nor the weight of pending items exceeds its limit, except for a single heavy item."""
    budget = 100
    under_way: list[int] = []

    class Recorder(ThreadPoolExecutor):
        def submit(self, function, item):  # type: ignore[no-untyped-def,override]  # noqa: ANN001, ANN202
            under_way.append(item)
            assert len(under_way) <= ahead
            assert sum(under_way) <= budget or len(under_way) == 1
            return super().submit(function, item)

    with Recorder(1) as pool:
        for item in map_ahead(int, weights, pool, ahead=ahead, weight=int, budget=budget):
            assert under_way.pop(0) == item
    assert under_way == []


@given(weights=st.lists(st.integers(0, 120), max_size=30), size=st.integers(1, 6))
def test_groups_keep_the_order_and_the_limits(weights: list[int], size: int) -> None:
    """Groups contain all items in order. Only a single heavy item exceeds the budget, and no group could be larger."""
    groups = list(grouped(weights, size=size, weight=int, budget=100))
    assert [item for group in groups for item in group] == weights
    assert all(0 < len(group) <= size and (sum(group) <= 100 or len(group) == 1) for group in groups)
    for group, following in pairwise(groups):
        assert len(group) == size or sum(group) + following[0] > 100
