"""Tests of the nearest neighbours, with scikit-learn and the comparison of all pairs as oracles."""

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from spark_app.numerics import neighbours
from spark_app.numerics.cosines import cosines
from spark_app.numerics.neighbours import Block, NearRule, Neighbours, nearest

RULE = NearRule()
NO_RULE = NearRule(bits=0, cosine=1.0, close_bits=0, close_cosine=1.0)


def _images(n: int, d: int, seed: int) -> Block:
    """Return clusters of images, with near-duplicates, copies, equal coordinates, and images without a hash."""
    random = np.random.default_rng(seed)
    families = random.integers(0, n // 4 + 1, n)
    centres, hashes = random.normal(size=(n, d)), random.integers(0, 2**64, n, dtype=np.uint64)
    vectors = centres[families] + random.normal(size=(n, d)) * random.choice([0, 1e-3, 0.3, 1], (n, 1))
    flips = np.uint64(1) << random.integers(0, 64, (n, 4), dtype=np.uint64)
    own_hashes = hashes[families] ^ np.bitwise_or.reduce(flips, axis=1) * random.integers(0, 2, n, dtype=np.uint64)
    contents = np.where(random.random(n) < 0.2, families, np.arange(n) + n).astype(np.uint64)
    contents[random.random(n) < 0.1] = 0
    return Block(np.arange(n), vectors.astype(np.float32), own_hashes, random.random(n) < 0.8, contents)


def _origin(d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=d + 1).astype(np.float32)


def _cut(block: Block, random: np.random.Generator) -> Iterator[Block]:
    """Cut a block in random parts, in random order."""
    order = random.permutation(len(block))
    for part in np.split(order, np.sort(random.integers(0, len(block) + 1, random.integers(0, 9)))):
        yield block[part]


def _excluded(block: Block, rule: NearRule, origin: np.ndarray) -> np.ndarray:
    """Return which pairs are no neighbours, by scikit-learn's cosines."""
    features = np.column_stack([block.vectors + origin[:-1].astype(float), np.full(len(block), float(origin[-1]))])
    similarity = cosine_similarity(features)
    bits = np.bitwise_count(block.hashes[:, np.newaxis] ^ block.hashes)
    near = (bits <= rule.bits) & (similarity >= rule.cosine)
    near |= (bits <= rule.close_bits) & (similarity >= rule.close_cosine)
    near &= block.has_hash[:, np.newaxis] & block.has_hash
    same = (block.contents[:, np.newaxis] == block.contents) & (block.contents != 0)
    return near | same | np.eye(len(block), dtype=bool)


def _expected(block: Block, k: int, rule: NearRule, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort the exact distances of all pairs."""
    wide = block.vectors.astype(np.float64)
    distances = np.sqrt(((wide[:, np.newaxis] - wide) ** 2).sum(axis=2)).astype(np.float32)
    distances[_excluded(block, rule, origin)] = np.inf
    rows = np.argsort(distances, axis=1, kind="stable")[:, :k]
    nearest_distances = np.take_along_axis(distances, rows, axis=1)
    rows = np.where(np.isinf(nearest_distances), -1, rows)
    missing = ((0, 0), (0, k - rows.shape[1]))
    return np.pad(rows, missing, constant_values=-1), np.pad(nearest_distances, missing, constant_values=np.inf)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small corpora take all ways: several parts, and queries with too many candidates."""
    for name, size in {"_QUERIES": 70, "_COLUMNS": 90, "_PAIRS": 64, "_CROWD": 15}.items():
        monkeypatch.setattr(neighbours, name, size)


@pytest.mark.parametrize("seed", range(12))
def test_the_neighbours_are_the_nearest_that_are_no_duplicates(seed: int) -> None:
    """Without itself, its copies and near-duplicates, an image has the neighbours that all distances give."""
    random = np.random.default_rng(seed)
    n, d, k = int(random.integers(1, 250)), int(random.integers(1, 40)), int(random.integers(1, 12))
    block, origin = _images(n, d, seed), _origin(d, seed)
    found = nearest(block, _cut(block, random), k, RULE, origin)
    rows, distances = _expected(block, k, RULE, origin)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=2e-7)
    assert (found.rows.dtype, found.distances.dtype) == (np.int64, np.float32)


def test_the_distances_are_those_of_scikit_learn() -> None:
    """If no image is a duplicate of another one, the neighbours are those of scikit-learn."""
    vectors = np.random.default_rng(0).normal(size=(400, 20)).astype(np.float32)
    zeros = np.zeros(400, np.uint64)
    block = Block(np.arange(400), vectors, zeros, zeros > 0, zeros)
    found = nearest(block, [block], 10, RULE, _origin(20))
    oracle = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(vectors.astype(np.float64))
    distances, rows = oracle.kneighbors()
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_the_result_does_not_depend_on_the_blocks(seed: int) -> None:
    """Any blocks of the corpus, in any order, and any blocks of the queries give the same arrays, bit by bit."""
    random = np.random.default_rng(seed)
    block, origin = _images(300, 37, seed), _origin(37)
    whole = nearest(block, [block], 7, RULE, origin)
    for _ in range(4):
        parts = list(_cut(block, random))
        found = [nearest(part, _cut(block, random), 7, RULE, origin) for part in parts]
        order = np.concatenate([part.rows for part in parts])
        np.testing.assert_array_equal(np.concatenate([one.rows for one in found]), whole.rows[order])
        np.testing.assert_array_equal(np.concatenate([one.distances for one in found]), whole.distances[order])


@pytest.mark.parametrize("seed", range(4))
def test_ties_go_to_the_lowest_row(seed: int) -> None:
    """On a grid, where most distances tie, the lowest of equally near rows are found, in any order of the corpus."""
    random = np.random.default_rng(seed)
    vectors = random.integers(0, 3, (200, 3)).astype(np.float32)
    zeros = np.zeros(200, np.uint64)
    block, origin = Block(np.arange(200), vectors, zeros, zeros > 0, zeros), _origin(3)
    found = nearest(block, _cut(block, random), 6, RULE, origin)
    rows, distances = _expected(block, 6, RULE, origin)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.distances, distances)


@pytest.mark.parametrize("scale", [1e-20, 1e-6, 1e6, 1e15])
def test_close_vectors_far_from_the_mean_are_told_apart(scale: float) -> None:
    """Images that differ by a ten-thousandth of their distance from the mean have exact neighbours in any unit."""
    random = np.random.default_rng(1)
    vectors = ((1 + 1e-4 * random.normal(size=(200, 30))) * scale).astype(np.float32)
    zeros = np.zeros(200, np.uint64)
    block, origin = Block(np.arange(200), vectors, zeros, zeros > 0, zeros), _origin(30)
    found = nearest(block, _cut(block, random), 10, RULE, origin)
    np.testing.assert_array_equal(found.rows, _expected(block, 10, RULE, origin)[0])


def test_a_pair_at_the_limit_of_the_cosine_is_judged_exactly() -> None:
    """If the limit is the exact cosine of a pair, the pair is near; with a limit above by one ulp, it is not."""
    vectors = np.random.default_rng(2).normal(size=(2, 50)).astype(np.float32) + 1
    block = Block(np.arange(2), vectors, np.zeros(2, np.uint64), np.ones(2, bool), np.arange(1, 3, dtype=np.uint64))
    origin = _origin(50)
    cosine = float(cosines(vectors[:1], vectors[1:], origin)[0])
    for limit, rows in ((cosine, [-1, -1]), (np.nextafter(cosine, 1), [1, 0])):
        rule = NearRule(bits=8, cosine=limit, close_bits=0, close_cosine=limit)
        assert nearest(block, [block], 1, rule, origin).rows.ravel().tolist() == rows


def test_few_images_have_few_neighbours() -> None:
    """One image has none, and an image without allowed neighbours has none; no queries have no result."""
    one = _images(1, 4, 0)
    found = nearest(one, [one, one[:0]], 3, RULE, _origin(4))
    assert found.rows.tolist() == [[-1, -1, -1]]
    assert np.isinf(found.distances).all()
    assert nearest(one[:0], [one], 3, RULE, _origin(4)).rows.shape == (0, 3)
    zeros = np.zeros(5, np.uint64)
    copies = Block(np.arange(5), np.zeros((5, 2), np.float32), zeros, zeros > 0, zeros + np.uint64(7))
    assert (nearest(copies, [copies], 3, RULE, _origin(2)).rows == -1).all()


def test_features_of_length_zero_are_near_duplicates_of_none() -> None:
    """The cosine of features of length zero counts as 0, with equal hashes too."""
    zeros = np.zeros(3, np.uint64)
    block = Block(np.arange(3), np.zeros((3, 2), np.float32), zeros, zeros == 0, zeros)
    assert nearest(block, [block], 2, RULE, np.zeros(3, np.float32)).rows.tolist() == [[1, 2], [0, 2], [0, 1]]


@pytest.mark.parametrize("seed", range(6))
def test_merged_neighbours_of_parts_are_those_of_the_whole(seed: int) -> None:
    """Neighbours in two parts of the corpus, even overlapping ones, merge to those in the whole, in either order."""
    random = np.random.default_rng(seed)
    block, origin = _images(200, 10, seed), _origin(10)
    ends = random.integers(0, 200, 2)
    low, high = int(min(ends)), int(max(ends))
    one, other = (nearest(block, [part], 5, RULE, origin) for part in (block[:high], block[low:]))
    whole = nearest(block, [block], 5, RULE, origin)
    for merged in (one.merged(other), other.merged(one), whole.merged(Neighbours.none(200, 5))):
        np.testing.assert_array_equal(merged.rows, whole.rows)
        np.testing.assert_array_equal(merged.distances, whole.distances)


def test_cosines_are_those_of_the_represented_features() -> None:
    """The cosines are those of scikit-learn, the same in either order and for any other pairs beside, bit by bit."""
    random = np.random.default_rng(5)
    left, right = random.normal(size=(2, 300, 33)).astype(np.float32)
    origin = _origin(33)
    found = cosines(left, right, origin)
    features = [np.column_stack([side + origin[:-1], np.full(300, origin[-1])]) for side in (left, right)]
    np.testing.assert_allclose(found, np.diag(cosine_similarity(*features)), atol=1e-6)
    np.testing.assert_array_equal(found, cosines(right, left, origin))
    for size in (1, 7, 64):
        parts = [cosines(left[i : i + size], right[i : i + size], origin) for i in range(0, 300, size)]
        np.testing.assert_array_equal(found, np.concatenate(parts))


def test_the_rule_has_two_limits() -> None:
    """Hashes that differ in up to 2 bits need a cosine of 0.75, those that differ in up to 8 bits one of 0.9."""
    bits, values = np.array([0, 2, 2, 3, 8, 8, 9]), np.array([0.75, 0.75, 0.74, 0.89, 0.9, 0.89, 1.0])
    assert RULE.are_near(bits, values).tolist() == [True, True, False, False, True, False, False]


def test_what_does_not_belong_together_is_refused() -> None:
    """Impossible rules, counts and shapes are errors."""
    block = _images(5, 4, 0)
    with pytest.raises(ValueError, match="between 0 and 64"):
        NearRule(close_bits=65)
    with pytest.raises(ValueError, match="between -1 and 1"):
        NearRule(cosine=1.1)
    with pytest.raises(ValueError, match="must be positive"):
        nearest(block, [block], 0, RULE, _origin(4))
    with pytest.raises(ValueError, match="an origin of shape"):
        nearest(block, [block], 1, RULE, _origin(5))
    with pytest.raises(ValueError, match="not a block"):
        Block(block.rows, block.vectors[:-1], block.hashes, block.has_hash, block.contents)
    with pytest.raises(ValueError, match="must be float32"):
        Block(block.rows, block.vectors.astype(np.float64), block.hashes, block.has_hash, block.contents)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="neighbours of shapes"):
        Neighbours.none(2, 3).merged(Neighbours.none(2, 4))
    with pytest.raises(ValueError, match="not neighbours"):
        Neighbours(np.zeros((2, 3), np.int64), np.zeros((2, 2), np.float32))
