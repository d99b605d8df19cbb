"""Tests of the pairs of near hashes, with the comparison of all pairs as the oracle."""

from collections.abc import Callable

import numpy as np
import pytest

from spark_app.numerics import hamming
from spark_app.numerics.groups import connected
from spark_app.numerics.hamming import LIMIT, WINDOW, HashPairs, pairs_within

DISTANCES = (*range(13), 20, 64)


def _random_hashes(n: int, random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 2**64, n, dtype=np.uint64)


def _clustered_hashes(n: int, random: np.random.Generator) -> np.ndarray:
    """Return hashes in clusters around some with 32 bits of 1, which differ in few bits, or not at all."""
    centres = np.packbits(np.argsort(random.random((n // 20, 64))) < 32, axis=1).view(np.uint64).ravel()
    flips = np.uint64(1) << random.integers(0, 64, (n, 8), dtype=np.uint64)
    flips[np.arange(8) >= random.integers(0, 9, (n, 1))] = 0
    return random.choice(centres, n) ^ np.bitwise_xor.reduce(flips, axis=1)


def _compared(hashes: np.ndarray, bits: int, changed: np.ndarray) -> tuple[np.ndarray, ...]:
    distances = np.bitwise_count(hashes[:, np.newaxis] ^ hashes)
    left, right = np.nonzero(np.triu((distances <= bits) & (changed[:, np.newaxis] | changed), 1))
    return left, right, distances[left, right]


def _assert_all_found(found: HashPairs, expected: tuple[np.ndarray, ...]) -> None:
    assert found.complete
    assert (found.left.dtype, found.right.dtype, found.bits.dtype) == (np.int64, np.int64, np.uint8)
    for one, other in zip((found.left, found.right, found.bits), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(params=["comparing", "lists", "matrices"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small sets take each way, in small blocks."""
    monkeypatch.setattr(hamming, "_CELLS", 1_000)
    monkeypatch.setattr(hamming, "_LONG", {"comparing": 64, "lists": 1 << 20, "matrices": 2}[request.param])
    if request.param != "comparing":
        monkeypatch.setattr(hamming, "_SORTING", 0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("hashes_of", [_random_hashes, _clustered_hashes])
@pytest.mark.parametrize("bits", DISTANCES)
def test_all_pairs_within_the_distance_are_found(
    hashes_of: Callable[[int, np.random.Generator], np.ndarray], bits: int
) -> None:
    """All pairs, each once and sorted, of random and of clustered hashes; with changes, those with a changed hash."""
    random = np.random.default_rng(bits)
    hashes = hashes_of(400, random)
    everything = np.ones(400, bool)
    _assert_all_found(pairs_within(hashes, bits), _compared(hashes, bits, everything))
    for share in (0.0, 0.03, 0.5):
        changed = random.random(400) < share
        _assert_all_found(pairs_within(hashes, bits, changed), _compared(hashes, bits, changed))


@pytest.mark.usefixtures("way")
def test_pairs_of_the_unchanged_and_of_the_changed_are_all_pairs() -> None:
    """After hashes were added and removed, the old pairs that remain and the pairs of the new hashes are all pairs."""
    random = np.random.default_rng(0)
    hashes = _clustered_hashes(500, random)
    kept, changed = np.sort(random.permutation(500)[:300]), np.ones(500, bool)
    changed[kept] = False
    old, new, everything = pairs_within(hashes[kept], 8), pairs_within(hashes, 8, changed), pairs_within(hashes, 8)
    pairs = {*zip(kept[old.left], kept[old.right], strict=True), *zip(new.left, new.right, strict=True)}
    assert pairs == {*zip(everything.left, everything.right, strict=True)}
    assert len(old) + len(new) == len(everything)


def _flood(random: np.random.Generator) -> np.ndarray:
    """Return several thousand equal hashes among others, some of which are near to them."""
    flooding = np.uint64(0x0123456789ABCDEF)
    near = flooding ^ (np.uint64(1) << random.integers(0, 64, 20, dtype=np.uint64))
    hashes = np.concatenate([np.full(5 * LIMIT, flooding), near, _random_hashes(500, random)])
    return random.permutation(hashes)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_flood_of_equal_hashes_gives_few_pairs_that_connect_all(share: float) -> None:
    """5,000 equal hashes give no millions of pairs, but remain connected, also with the hashes near them."""
    random = np.random.default_rng(3)
    hashes = _flood(random)
    changed = random.random(len(hashes)) < share
    found = pairs_within(hashes, 8, changed)
    assert not found.complete
    assert len(found) < len(hashes) * (WINDOW + LIMIT / 100)
    assert (changed[found.left] | changed[found.right]).all()
    np.testing.assert_array_equal(found.bits, np.bitwise_count(hashes[found.left] ^ hashes[found.right]))
    assert found.bits.max() <= 8
    flood = np.bitwise_count(hashes ^ np.uint64(0x0123456789ABCDEF)) <= 1
    groups = connected(len(hashes), found.left, found.right)
    assert len(np.unique(groups[flood & changed])) == 1


def test_a_flood_of_almost_equal_hashes_takes_few_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 different hashes within a few bits of each other are compared with some others only, and not with all."""
    monkeypatch.setattr(hamming, "LONGEST", LIMIT)
    random = np.random.default_rng(4)
    flips = np.uint64(1) << random.integers(0, 64, (20_000, 3), dtype=np.uint64)
    found = pairs_within(np.bitwise_or.reduce(flips, axis=1), 2)
    assert not found.complete
    assert 20_000 < len(found) < 20_000 * LIMIT


def test_few_hashes_have_few_pairs() -> None:
    """No hash and one hash have no pair, and two equal ones have one."""
    for n in (0, 1):
        assert len(pairs_within(np.zeros(n, np.uint64), 8)) == 0
    assert pairs_within(np.zeros(2, np.uint64), 0).bits.tolist() == [0]


def test_what_is_no_distance_is_refused() -> None:
    """A distance outside 0 to 64, and changes of other hashes, are errors."""
    for bits in (-1, 65):
        with pytest.raises(ValueError, match="between 0 and 64"):
            pairs_within(np.zeros(2, np.uint64), bits)
    with pytest.raises(ValueError, match="marks of changes"):
        pairs_within(np.zeros(2, np.uint64), 8, np.ones(3, bool))
    with pytest.raises(ValueError, match="not pairs"):
        HashPairs(np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(3, np.uint8))
