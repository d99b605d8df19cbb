"""Connected components of a graph, given by its edges."""

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]


def connected(count: int, left: Positions, right: Positions) -> Positions:
    """Find the connected components of an undirected graph.

    Each round hooks the root of a component to the smallest root that an edge joins it to, and then flattens the trees
    by pointer jumping [1]_. Every component with an edge to another one hooks, or another one hooks to it.

    Parameters
    ----------
    count
        Number of nodes.
    left, right
        The ends of the edges, shape (e,), from 0 to `count` - 1. Loops and repeated edges are allowed.

    Returns
    -------
    Shape (count,), int64: the smallest node of the component of each node.

    Raises
    ------
    ValueError
        If the ends do not belong together, or an edge ends outside the nodes.

    References
    ----------
    .. [1] Y. Shiloach, U. Vishkin, "An O(log n) Parallel Connectivity Algorithm", Journal of Algorithms 3, 1982.
    """
    _check(count, left, right)
    root = np.arange(count, dtype=np.int64)
    while True:
        ends = root[left], root[right]
        apart = ends[0] != ends[1]
        if not apart.any():
            return root
        left, right = ends[0][apart], ends[1][apart]
        np.minimum.at(root, np.maximum(left, right), np.minimum(left, right))
        root = _flattened(root)


def _flattened(root: Positions) -> Positions:
    """Let each node point to the root of its tree."""
    while True:
        higher = root[root]
        if np.array_equal(higher, root):
            return root
        root = higher


def _check(count: int, left: Positions, right: Positions) -> None:
    if left.shape != right.shape or left.ndim != 1:
        raise ValueError(f"not edges: ends of shapes {left.shape} and {right.shape}")
    if len(left) and not 0 <= min(left.min(), right.min()) <= max(left.max(), right.max()) < count:
        raise ValueError(f"an edge ends outside the {count} nodes")
