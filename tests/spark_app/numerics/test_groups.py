"""Tests of connected components, with SciPy as the oracle."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from spark_app.numerics.groups import connected


def _expected(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    smallest = np.full(count, count)
    np.minimum.at(smallest, labels, np.arange(count))
    return smallest[labels]


@pytest.mark.parametrize("seed", range(20))
def test_each_node_has_the_smallest_node_of_its_component(seed: int) -> None:
    """Each node of a random graph, with loops and repeated edges, has the smallest node of its component."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 300))
    left, right = random.integers(0, count, (2, int(random.integers(0, 2 * count))))
    found = connected(count, left, right)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, _expected(count, left, right))


@pytest.mark.parametrize("seed", range(5))
def test_a_long_path_in_any_order_is_one_component(seed: int) -> None:
    """A path through all nodes, and a star around any node, are one component whatever the numbers of the nodes are."""
    order = np.random.default_rng(seed).permutation(10_000)
    assert not connected(10_000, order[1:], order[:-1]).any()
    assert not connected(10_000, order[1:], np.full(9_999, order[0])).any()


def test_nodes_without_edges_are_their_own_component() -> None:
    """A graph without edges, and one without nodes, have no components of several nodes."""
    nothing = np.zeros(0, np.int64)
    assert connected(3, nothing, nothing).tolist() == [0, 1, 2]
    assert connected(0, nothing, nothing).tolist() == []


def test_edges_outside_the_graph_are_refused() -> None:
    """An edge to a node that does not exist is an error, even if NumPy would count from the end."""
    for node in (-1, 3):
        with pytest.raises(ValueError, match="outside the 3 nodes"):
            connected(3, np.array([0]), np.array([node]))
    with pytest.raises(ValueError, match="not edges"):
        connected(3, np.array([0]), np.array([1, 2]))
