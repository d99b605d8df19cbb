"""Pairs of hashes that differ in few bits, found without comparing every hash with every other one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

WIDTH = 64
"""Bits of a hash."""
LIMIT = 1_000
"""Most pairs of a hash with the later ones that agree in the same bits, and most equal hashes that are all compared;
less for many hashes, see `PAIRS`."""
PAIRS = 30_000_000
"""Pairs that the limits allow together: they take a gigabyte while they are sorted."""
WINDOW = 32
"""Pairs that remain of each hash above a limit."""
LONGEST = 131_072
"""Most hashes that agree in some bits of which each is compared with each other one."""

_CELLS = 1 << 20
"""Comparisons at a time, which bound the memory, and are best in the cache."""
_LONG = 64
"""Number of hashes from which one comparison of a matrix is faster than one of a list of pairs."""
_SORTING = 1_000
"""Cost of one choice of bands per hash, relative to a comparison in a matrix: of sorting, and of repeated pairs."""
_INFORMATION = 0.55
"""Bits of information per bit of a perceptual hash, measured on the bands of photos and studio shots."""


@dataclass(frozen=True, eq=False)
class HashPairs:
    """Pairs of hashes that are near each other."""

    left: Positions
    """Position of one hash, shape (p,), int64. The pairs are sorted by (`left`, `right`)."""
    right: Positions
    """Position of the other hash, shape (p,), int64, greater than `left`."""
    bits: npt.NDArray[np.uint8]
    """Number of bits in which they differ, shape (p,)."""
    complete: bool = True
    """Whether these are all pairs: false if there was a flood of equal or almost equal hashes."""

    def __post_init__(self) -> None:
        if not self.left.shape == self.right.shape == self.bits.shape:
            raise ValueError(f"not pairs: shapes {self.left.shape}, {self.right.shape}, {self.bits.shape}")

    def __len__(self) -> int:
        return len(self.left)


def pairs_within(hashes: Hashes, bits: int, changed: Mask | None = None) -> HashPairs:
    """Find all pairs of hashes that differ in at most some bits.

    The bits of a hash are cut into d + r bands, for a distance d. Two hashes within d bits agree in at least r bands,
    because each bit that differs spoils one band only. So for every choice of r bands, the hashes are sorted by
    these bands, and compared with those that agree there [1]_. The number r is the one that promises the least work;
    it is 0, with one comparison of all, for few hashes. Few changed ones are compared with all hashes.

    A flood of equal or almost equal hashes would give a number of pairs that is quadratic. Of a hash with more than
    `LIMIT` pairs at a time, the `WINDOW` nearest remain. If more than `LONGEST` hashes agree in the chosen bands, each
    is compared with the next `WINDOW` in the order of (hash, position) only. Of more than `LIMIT` equal hashes, each is
    compared with the next `WINDOW`, and the first `WINDOW` stand for all when they are compared with other hashes.
    A chain of pairs still connects all equal hashes. Pairs of different hashes in a flood can be missing. The result
    is then not `complete`, and which pairs it contains depends on what has changed.

    Parameters
    ----------
    hashes
        Shape (n,).
    bits
        Largest Hamming distance of a pair, d.
    changed
        Shape (n,): only pairs with at least one of these positions are found. `None` for all pairs.

    Raises
    ------
    ValueError
        If `bits` is not between 0 and 64, or `changed` is of another shape.

    References
    ----------
    .. [1] G. S. Manku, A. Jain, A. Das Sarma, "Detecting Near-Duplicates for Web Crawling", WWW 2007, section 3.
    """
    if not 0 <= bits <= WIDTH:
        raise ValueError(f"a Hamming distance is between 0 and {WIDTH}, not {bits}")
    if changed is None:
        changed = np.ones(len(hashes), bool)
    elif changed.shape != hashes.shape:
        raise ValueError(f"{hashes.shape} hashes, but {changed.shape} marks of changes")
    found = _Found(len(hashes))
    bands = _shared_bands(len(hashes), bits)
    if np.count_nonzero(changed) * len(hashes) <= _work(len(hashes), bits, bands):
        _compare_changed(hashes, bits, np.flatnonzero(changed), found)
    else:
        _compare_within_bands(hashes, bits, bands, changed, found)
    return found.pairs(hashes)


class _Found:
    """The pairs found so far, as numbers ``left * n + right``."""

    def __init__(self, n: int) -> None:
        self.complete = True
        self.limit = max(WINDOW, min(LIMIT, PAIRS // max(n, 1)))
        self._n = n
        self._distinct = np.zeros(0, np.int64)
        self._new: list[Positions] = []

    def add(self, one: Positions, other: Positions) -> None:
        """Add pairs in any order, even repeated ones."""
        self._new.append(np.minimum(one, other) * self._n + np.maximum(one, other))
        if sum(map(len, self._new)) > len(self._distinct) + _CELLS:
            self._remove_repeated()

    def _remove_repeated(self) -> None:
        numbers = np.sort(np.concatenate([self._distinct, *self._new]))
        first = np.ones(len(numbers), bool)
        np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
        self._distinct, self._new = numbers[first], []

    def pairs(self, hashes: Hashes) -> HashPairs:
        """Return the distinct pairs."""
        self._remove_repeated()
        left, right = np.divmod(self._distinct, max(self._n, 1))
        return HashPairs(left, right, np.bitwise_count(hashes[left] ^ hashes[right]), self.complete)


def _compare_changed(hashes: Hashes, bits: int, changed: Positions, found: _Found) -> None:
    """Compare the changed hashes with all hashes."""
    rows = max(_CELLS // max(len(hashes), 1), 1)
    for start in range(0, len(changed), rows):
        part = changed[start : start + rows]
        distances = np.bitwise_count(hashes[part, np.newaxis] ^ hashes)
        near = distances <= bits
        near[np.arange(len(part)), part] = False
        _thin(near, distances, found)
        one, other = np.divmod(np.flatnonzero(near), len(hashes))
        found.add(part[one], other)


def _thin(near: Mask, distances: npt.NDArray[np.uint8], found: _Found) -> None:
    """Keep the nearest of many near hashes, the first of equally near ones, so that equal hashes stay connected."""
    for row in np.flatnonzero(np.count_nonzero(near, axis=1) > found.limit):
        found.complete = False
        others = np.flatnonzero(near[row])
        near[row, others[np.argsort(distances[row, others], kind="stable")[WINDOW:]]] = False


def _compare_within_bands(hashes: Hashes, bits: int, bands: int, changed: Mask, found: _Found) -> None:
    """Compare the hashes that agree in some bands."""
    order = np.argsort(hashes, kind="stable")
    order = _without_floods(hashes, order, changed, found)
    ordered, marks = hashes[order], changed[order]
    for mask in _masks(bits, bands):
        places, starts, sizes = _sorted_runs(ordered, mask)
        members = order[places]
        for one, other in _near_members(ordered[places], bits, starts, sizes, found):
            kept = marks[places[one]] | marks[places[other]]
            found.add(members[one[kept]], members[other[kept]])


def _without_floods(hashes: Hashes, order: Positions, changed: Mask, found: _Found) -> Positions:
    """Pair each of many equal hashes with the next ones, and leave only the first of them in the order."""
    starts, sizes = _runs(hashes[order])
    flooded = np.repeat(sizes > found.limit, sizes)
    if not flooded.any():
        return order
    found.complete = False
    later = np.repeat(starts + sizes, sizes) - np.arange(len(order)) - 1
    for one, other in _followers(np.where(flooded, np.minimum(later, WINDOW), 0)):
        kept = changed[order[one]] | changed[order[other]]
        found.add(order[one[kept]], order[other[kept]])
    ranks = np.arange(len(order)) - np.repeat(starts, sizes)
    return order[~flooded | (ranks < WINDOW)]


def _sorted_runs(ordered: Hashes, mask: int) -> tuple[Positions, Positions, Positions]:
    """Sort the places of hashes by the bits of a mask; also return start and size of each run of equal bits."""
    # One sort of numbers is much faster than a sort of places by numbers: the upper bits of the product tell the
    # masked hashes apart, the lower bits hold the place. Different hashes with an equal product do no harm, because
    # the hashes of a run are compared.
    width = np.uint64(max(len(ordered) - 1, 1).bit_length())
    products = (ordered & np.uint64(mask)) * _ODD
    numbers = np.sort((products >> width << width) | np.arange(len(ordered), dtype=np.uint64))
    starts, sizes = _runs(numbers >> width)
    return (numbers & ((np.uint64(1) << width) - np.uint64(1))).astype(np.int64), starts, sizes


_ODD = np.uint64(0x9E3779B97F4A7C15)
"""The golden ratio times 2**64, the usual factor of multiplicative hashing (Knuth, TAOCP 3, section 6.4)."""


def _runs(numbers: Hashes) -> tuple[Positions, Positions]:
    """Return the start and the size of each run of equal numbers."""
    starts = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]])[: len(numbers)])
    return starts, np.diff(np.append(starts, len(numbers)))


def _near_members(
    members: Hashes, bits: int, starts: Positions, sizes: Positions, found: _Found
) -> Iterator[tuple[Positions, Positions]]:
    """Find the near hashes within runs: pairs of places, in blocks."""
    later = np.repeat(starts + sizes, sizes) - np.arange(len(members)) - 1
    if sizes.max(initial=0) > LONGEST:
        found.complete = False
        later = np.where(np.repeat(sizes > LONGEST, sizes), np.minimum(later, WINDOW), later)
    matrix = (sizes >= _LONG) & (sizes <= LONGEST)
    later[np.repeat(matrix, sizes)] = 0
    for one, other in _followers(later):
        near = np.bitwise_count(members[one] ^ members[other]) <= bits
        yield one[near], other[near]
    for start, size in zip(starts[matrix].tolist(), sizes[matrix].tolist(), strict=True):
        for one, other in _near_in_run(members[start : start + size], bits, found):
            yield start + one, start + other


def _near_in_run(run: Hashes, bits: int, found: _Found) -> Iterator[tuple[Positions, Positions]]:
    """Compare each hash of a run with the later ones, in blocks of rows."""
    first = 0
    while first < len(run):
        rows = max(_CELLS // (len(run) - first), 1)
        distances = np.bitwise_count(run[first : first + rows, np.newaxis] ^ run[first:])
        near = distances <= bits
        # In the square at the start of the block, only the part above the diagonal has later hashes.
        square = near[:, : len(near)]
        square &= np.tri(len(near), k=-1, dtype=bool).T
        _thin(near, distances, found)
        one, other = np.divmod(np.flatnonzero(near), near.shape[1])
        yield first + one, first + other
        first += rows


def _followers(counts: Positions) -> Iterator[tuple[Positions, Positions]]:
    """Pair each place with as many next places as its count says, in blocks."""
    places = np.flatnonzero(counts)
    counts = counts[places]
    ends = np.cumsum(counts)
    first = 0
    while first < len(places):
        before = ends[first] - counts[first]
        last = max(int(np.searchsorted(ends, before + _CELLS, side="right")), first + 1)
        sizes = counts[first:last]
        one = np.repeat(places[first:last], sizes)
        steps = np.arange(len(one)) - np.repeat(ends[first:last] - sizes - before, sizes)
        yield one, one + steps + 1
        first = last


def _masks(bits: int, shared: int) -> Iterator[int]:
    """Return the bits of each choice of bands: none, for no band."""
    edges = [WIDTH * band // max(bits + shared, 1) for band in range(bits + shared + 1)]
    bands = [(1 << high) - (1 << low) for low, high in pairwise(edges)]
    for chosen in combinations(bands, shared):
        yield sum(chosen)


def _shared_bands(n: int, bits: int) -> int:
    """Choose the number of bands in which hashes must agree, by the expected work."""
    fewest = 0 if n <= LONGEST or bits == WIDTH else 1
    return min(range(fewest, min(4, WIDTH - bits) + 1), key=lambda shared: _work(n, bits, shared))


def _work(n: int, bits: int, shared: int) -> float:
    """Return the expected work, in comparisons."""
    information = _INFORMATION * WIDTH * shared / max(bits + shared, 1)
    return float(math.comb(bits + shared, shared) * n * (_SORTING + n / 2 * 2.0**-information))
