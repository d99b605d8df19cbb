"""Results that threads compute before the caller asks for them, within limits."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def grouped(items: Iterable[_Item], *, size: int, weight: Callable[[_Item], int], budget: int) -> Iterator[list[_Item]]:
    """Yield the items in order, in groups of at most `size` items.

    Parameters
    ----------
    weight, budget
        Maximum total weight of a group. A single item may exceed it.
    """
    group: list[_Item] = []
    load = 0
    for item in items:
        added = weight(item)
        if group and (len(group) >= size or load + added > budget):
            yield group
            group, load = [], 0
        group.append(item)
        load += added
    if group:
        yield group


def map_ahead(
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    pool: ThreadPoolExecutor,
    *,
    ahead: int,
    weight: Callable[[_Item], int] = lambda _: 0,
    budget: int = 0,
) -> Iterator[_Result]:
    """Map a function over items, and yield the results in the order of the items.

    Parameters
    ----------
    function
        Called in the threads of `pool`.
    ahead
        Maximum number of results that are computed or waiting.
    weight, budget
        Maximum total weight of their items. A single item may exceed it.
    """
    pending: deque[tuple[Future[_Result], int]] = deque()
    load = 0
    for item in items:
        added = weight(item)
        while pending and (len(pending) >= ahead or load + added > budget):
            future, freed = pending.popleft()
            load -= freed
            yield future.result()
        pending.append((pool.submit(function, item), added))
        load += added
    for future, _ in pending:
        yield future.result()
