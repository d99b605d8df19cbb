"""Results computed before they are asked for, within bounds."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    pool: ThreadPoolExecutor,
    *,
    ahead: int,
    weight: Callable[[Item], int] = lambda _: 0,
    budget: int = 0,
) -> Iterator[Result]:
    """Map in the order of the items, computing results in a pool before they are asked for.

    Parameters
    ----------
    ahead
        Results under way at most.
    weight, budget
        And their weights together at most; a single item may weigh more.
    """
    pending: deque[tuple[Future[Result], int]] = deque()
    load = 0
    for item in items:
        heft = weight(item)
        while pending and (len(pending) >= ahead or load + heft > budget):
            future, freed = pending.popleft()
            load -= freed
            yield future.result()
        pending.append((pool.submit(function, item), heft))
        load += heft
    for future, _ in pending:
        yield future.result()
