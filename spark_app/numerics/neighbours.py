"""The exact nearest neighbours of images, without their near-duplicates, from coordinates that come in blocks.

The result does not depend on the blocks, bit by bit: a matrix product in float32 only selects candidates, with a margin
for its rounding, and all that decides is computed pair by pair in float64.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from spark_app.numerics.cosines import cosines, squared_lengths

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]

_QUERIES = 1_024
"""Queries at a time, which bound the memory together with `_COLUMNS`."""
_COLUMNS = 4_096
"""Images of the corpus at a time."""
_PAIRS = 8_192
"""Pairs at a time whose distances are computed one by one."""
_CROWD = 48
"""Candidates of a query at a time, above which a better bound costs less than their distances."""


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive or chosen images of the corpus."""

    rows: Positions
    """Positions in the corpus, shape (n,), int64."""
    vectors: Singles
    """Coordinates along the components, shape (n, k), float32."""
    hashes: npt.NDArray[np.uint64]
    """Perceptual hashes, shape (n,); any value where `has_hash` is false."""
    has_hash: Mask
    """Whether the image has a perceptual hash, shape (n,)."""
    contents: npt.NDArray[np.uint64]
    """Ids of the content of the files, shape (n,); 0 if unknown."""

    def __post_init__(self) -> None:
        n = len(self.rows)
        shapes = {array.shape for array in (self.rows, self.hashes, self.has_hash, self.contents)}
        if shapes != {(n,)} or self.vectors.ndim != 2 or len(self.vectors) != n:  # noqa: PLR2004 - a matrix
            raise ValueError(f"not a block of images: shapes {shapes}, vectors {self.vectors.shape}")
        if self.vectors.dtype != np.float32:
            raise ValueError(f"coordinates must be float32, not {self.vectors.dtype}")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: slice | Positions) -> Self:
        """Return some of the images."""
        return type(self)(
            self.rows[chosen],
            self.vectors[chosen],
            self.hashes[chosen],
            self.has_hash[chosen],
            self.contents[chosen],
        )


@dataclass(frozen=True)
class NearRule:
    """When two images are near-duplicates: their hashes nearly agree, or they agree less but the features do more.

    Raises
    ------
    ValueError
        If a number of bits is not between 0 and 64, or a cosine not between -1 and 1.
    """

    bits: int = 8
    cosine: float = 0.9
    """Least cosine of the features, if the hashes differ in at most `bits`."""
    close_bits: int = 2
    close_cosine: float = 0.75
    """Least cosine of the features, if the hashes differ in at most `close_bits`."""

    def __post_init__(self) -> None:
        for bits in (self.bits, self.close_bits):
            if not 0 <= bits <= 64:  # noqa: PLR2004 - bits of a hash
                raise ValueError(f"a Hamming distance is between 0 and 64, not {bits}")
        for cosine in (self.cosine, self.close_cosine):
            if not -1 <= cosine <= 1:
                raise ValueError(f"a cosine is between -1 and 1, not {cosine:g}")

    @property
    def most_bits(self) -> int:
        """The largest Hamming distance of near-duplicates."""
        return max(self.bits, self.close_bits)

    def are_near(self, bits: npt.NDArray[np.unsignedinteger | np.signedinteger], cosines: Vector) -> Mask:
        """Return which pairs are near-duplicates.

        Parameters
        ----------
        bits
            Hamming distances of the hashes, shape (n,).
        cosines
            Cosines of the features, shape (n,).
        """
        near: Mask = (bits <= self.bits) & (cosines >= self.cosine)
        near |= (bits <= self.close_bits) & (cosines >= self.close_cosine)
        return near


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest neighbours of n images, sorted by (distance, row)."""

    rows: Positions
    """Positions of the neighbours in the corpus, shape (n, k), int64; -1 where there are fewer than k."""
    distances: Singles
    """Euclidean distances, shape (n, k), float32; infinity where there are fewer than k."""

    def __post_init__(self) -> None:
        if self.rows.shape != self.distances.shape or self.rows.ndim != 2:  # noqa: PLR2004 - a matrix
            raise ValueError(f"not neighbours: rows {self.rows.shape}, distances {self.distances.shape}")

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def none(cls, n: int, k: int) -> Self:
        """Return the neighbours of `n` images before any image of the corpus was seen."""
        return cls(np.full((n, k), -1), np.full((n, k), np.inf, np.float32))

    @classmethod
    def joined(cls, parts: Iterable[Self], k: int) -> Self:
        """Return the neighbours of all images of some parts, one part after the other."""
        every = [cls.none(0, k), *parts]
        return cls(np.concatenate([one.rows for one in every]), np.concatenate([one.distances for one in every]))

    def merged(self, other: Self) -> Self:
        """Return the nearest of both, for the same images; no row occurs twice.

        Raises
        ------
        ValueError
            If the two are of different shapes.
        """
        if self.rows.shape != other.rows.shape:
            raise ValueError(f"neighbours of shapes {self.rows.shape} and {other.rows.shape}")
        n, k = self.rows.shape
        images = np.repeat(np.arange(n), k)
        nearest = _nearest_of(self, images, other.rows.ravel(), other.distances.ravel())
        return type(self)(nearest.rows, nearest.distances)


def nearest(queries: Block, corpus: Iterable[Block], k: int, rule: NearRule, origin: Singles) -> Neighbours:
    """Find the nearest neighbours of images.

    An image is no neighbour of itself, of an image of the same content, or of its near-duplicates.

    Parameters
    ----------
    queries
        The images whose neighbours are wanted, of any number.
    corpus
        The images that can be neighbours, each in one block.
    k
        Number of neighbours.
    rule
        When two images that have hashes are near-duplicates, from the hashes and the cosine of the features.
    origin
        The mean of the features, see `spark_app.numerics.cosines.cosines`. Shape (d + 1,) for vectors of d coordinates.

    Returns
    -------
    The k nearest in the order of (distance rounded to float32, row).

    Raises
    ------
    ValueError
        If `k` is not positive, or the vectors and the origin do not belong together.
    """
    if k < 1:
        raise ValueError(f"the number of neighbours must be positive, not {k}")
    _check_dimensions(queries, origin)
    searches = [_Search(_Side(part, origin), Neighbours.none(len(part), k), rule) for part in _parts(queries, _QUERIES)]
    for block in corpus:
        _check_dimensions(block, origin)
        for part in _parts(block, _COLUMNS):
            side = _Side(part, origin)
            columns = side.columns()
            for search in searches:
                search.visit(side, columns)
    return Neighbours.joined((search.found for search in searches), k)


def _check_dimensions(block: Block, origin: Singles) -> None:
    if origin.shape != (block.vectors.shape[1] + 1,):
        raise ValueError(f"an origin of shape {origin.shape}, but vectors of shape {block.vectors.shape}")


def _parts(block: Block, size: int) -> Iterator[Block]:
    return (block[start : start + size] for start in range(0, len(block), size))


class _Side:
    """Images of one side of the comparison, and what is computed once for each of them."""

    def __init__(self, block: Block, origin: Singles) -> None:
        self.block = block
        self.origin = origin
        vectors = block.vectors.astype(np.float64)
        offset, outside = origin[:-1].astype(np.float64), float(origin[-1]) ** 2
        self.squares = squared_lengths(vectors)
        self.products = vectors @ offset
        self.origin_square = float(offset @ offset + outside)
        self.lengths = np.sqrt(squared_lengths(vectors + offset, outside))
        # The rounding error of q.y - |y|^2 / 2 as one float32 product of d + 1 terms is at most
        # c (|q||y| + |y|^2 / 2) <= c (|q|^2 / 2 + |y|^2), with c as here (N. J. Higham, "Accuracy and Stability of
        # Numerical Algorithms", 2nd ed., section 3.1; some ulps more for the rounding of the last term).
        self.rounding = (block.vectors.shape[1] + 8) * 2.0**-24

    def columns(self) -> Singles:
        """Return the vectors y and ``-|y|^2 (1/2 - c)``, shape (d + 1, n): their products with (q, 1) are scores.

        A score is at least ``q.y - |y|^2 / 2 - c |q|^2 / 2``, whatever the rounding; so it is never too low. The higher
        the score, the nearer: ``|q - y|^2 / 2 = |q|^2 / 2 - (q.y - |y|^2 / 2)``.
        """
        last = -self.squares * (0.5 - self.rounding)
        return np.column_stack([self.block.vectors, last.astype(np.float32)]).T

    def surplus(self) -> Vector:
        """Return the most by which a score can be too high, but for ``c |q|^2 / 2``."""
        surplus: Vector = 2 * self.rounding * self.squares
        return surplus


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of a query and an image of the corpus: places in their parts, and scores."""

    queries: Positions
    others: Positions
    scores: Singles

    def __len__(self) -> int:
        return len(self.queries)

    def __getitem__(self, chosen: slice | Positions | Mask) -> Self:
        return type(self)(self.queries[chosen], self.others[chosen], self.scores[chosen])

    def parts(self) -> Iterator[Self]:
        """Return the pairs in parts whose vectors fit in the cache."""
        return (self[start : start + _PAIRS] for start in range(0, len(self), _PAIRS))


class _Search:
    """The search for the neighbours of some queries."""

    def __init__(self, side: _Side, found: Neighbours, rule: NearRule) -> None:
        self.found = found
        self._side = side
        self._rule = rule
        vectors = side.block.vectors
        self._rows = np.column_stack([vectors, np.ones(len(vectors), np.float32)])
        self._reach = np.full(len(vectors), np.inf)
        """Half of the squared distance within which the k nearest are."""

    def visit(self, corpus: _Side, columns: Singles) -> None:
        """Take images of the corpus into account."""
        scores = self._rows @ columns
        chosen = scores >= self._least_scores()[:, np.newaxis]
        crowded = np.flatnonzero(np.count_nonzero(chosen, axis=1) > _CROWD)
        if len(crowded):
            self._shorten_reach(crowded, scores, corpus)
            chosen[crowded] = scores[crowded] >= self._least_scores()[crowded, np.newaxis]
        # On the flat array, this is several times as fast as on the rows.
        places = np.flatnonzero(chosen)
        pairs = _Pairs(*np.divmod(places, scores.shape[1]), scores.ravel()[places])
        self._take(pairs[~self._excluded(pairs, corpus)], corpus.block)

    def _least_scores(self) -> Singles:
        """Return the least score of an image that can be one of the k nearest, even if its distance only ties."""
        least = self._side.squares * (0.5 - self._side.rounding / 2) - self._reach * (1 + 2.0**-21)
        # An absolute error remains where numbers are too small for float32.
        below: Singles = np.nextafter((least - _TINY).astype(np.float32), np.float32(-np.inf))
        return below

    def _shorten_reach(self, queries: Positions, scores: Singles, corpus: _Side) -> None:
        """Bound the k-th distance by images of the corpus that are neighbours for certain, whatever the cosines."""
        k = self.found.rows.shape[1]
        if len(corpus.block) < k:
            return
        bounds = scores[queries] - corpus.surplus()
        bounds[~self._surely_allowed(queries, corpus.block)] = -np.inf
        kth = np.partition(bounds, -k, axis=1)[:, -k]
        reach = self._side.squares[queries] * (0.5 + self._side.rounding / 2) - kth
        self._reach[queries] = np.minimum(self._reach[queries], np.maximum(reach, 0.0) + _TINY)

    def _surely_allowed(self, queries: Positions, others: Block) -> Mask:
        own = self._side.block[queries]
        column = (slice(None), np.newaxis)
        near = np.bitwise_count(own.hashes[column] ^ others.hashes) <= self._rule.most_bits
        near &= own.has_hash[column] & others.has_hash
        same = (own.contents[column] == others.contents) & (others.contents != 0)
        allowed: Mask = ~(near | same | (own.rows[column] == others.rows))
        return allowed

    def _excluded(self, pairs: _Pairs, corpus: _Side) -> Mask:
        """Return which pairs are no neighbours: an image and itself, of the same content, or near-duplicates."""
        own, other = self._side.block, corpus.block
        queries, others = pairs.queries, pairs.others
        contents = own.contents[queries]
        excluded: Mask = own.rows[queries] == other.rows[others]
        excluded |= (contents == other.contents[others]) & (contents != 0)
        bits = np.bitwise_count(own.hashes[queries] ^ other.hashes[others])
        judged = own.has_hash[queries] & other.has_hash[others] & (bits <= self._rule.most_bits)
        judged &= ~excluded
        excluded[judged] = self._are_near(pairs[judged], bits[judged], corpus)
        return excluded

    def _are_near(self, pairs: _Pairs, bits: npt.NDArray[np.uint8], corpus: _Side) -> Mask:
        """Judge pairs by the cosines that the scores give, and by exact ones where the rounding matters."""
        cosine, margin = self._rough_cosines(pairs, corpus)
        near = self._rule.are_near(bits, cosine - margin)
        # A comparison with NaN is false, so this finds the features of length zero, too.
        doubtful = np.flatnonzero((near != self._rule.are_near(bits, cosine + margin)) | ~(margin < 1))
        exact = [
            cosines(self._side.block.vectors[part.queries], corpus.block.vectors[part.others], corpus.origin)
            for part in pairs[doubtful].parts()
        ]
        near[doubtful] = self._rule.are_near(bits[doubtful], np.concatenate([np.zeros(0), *exact]))
        return near

    def _rough_cosines(self, pairs: _Pairs, corpus: _Side) -> tuple[Vector, Vector]:
        """Return cosines with the bounds of their errors."""
        own, queries, others = self._side, pairs.queries, pairs.others
        products = pairs.scores + corpus.squares[others] * (0.5 - own.rounding)
        products += own.products[queries] + corpus.products[others] + own.origin_square
        errors = own.rounding * (own.squares[queries] / 2 + corpus.squares[others]) + _TINY
        lengths = own.lengths[queries] * corpus.lengths[others]
        with np.errstate(divide="ignore", invalid="ignore"):
            return products / lengths, 2 * errors / lengths + _COSINE_ROUNDING

    def _take(self, pairs: _Pairs, corpus: Block) -> None:
        """Keep the nearest of the pairs and of those found before."""
        k = self.found.rows.shape[1]
        distances = _distances(self._side.block.vectors, corpus.vectors, pairs)
        near = distances <= self.found.distances[pairs.queries, -1]
        pairs, distances = pairs[near], distances[near]
        queries, numbers = np.unique(pairs.queries, return_inverse=True)
        before = Neighbours(self.found.rows[queries], self.found.distances[queries])
        after = _nearest_of(before, numbers, corpus.rows[pairs.others], distances)
        self.found.rows[queries], self.found.distances[queries] = after.rows, after.distances
        reach = np.float64(after.distances[:, k - 1]) ** 2 / 2
        self._reach[queries] = np.minimum(self._reach[queries], reach)


_TINY = 1e-37
"""More than what underflow takes from a float32 product."""

_COSINE_ROUNDING = 1e-9
"""Far more than the rounding error of a cosine in float64."""


def _distances(queries: Singles, others: Singles, pairs: _Pairs) -> Singles:
    """Return the distances of pairs, rounded once, from float64 to float32."""
    found = [np.zeros(0, np.float32)]
    for part in pairs.parts():
        differences = queries[part.queries].astype(np.float64)
        differences -= others[part.others]
        found.append(np.sqrt(squared_lengths(differences)).astype(np.float32))
    return np.concatenate(found)


def _nearest_of(before: Neighbours, images: Positions, rows: Positions, distances: Singles) -> Neighbours:
    """Return the nearest of neighbours found before and of further pairs of an image and a row."""
    n, k = before.rows.shape
    images = np.concatenate([np.repeat(np.arange(n), k), images])
    rows = np.concatenate([before.rows.ravel(), rows])
    distances = np.concatenate([before.distances.ravel(), distances])
    order = np.lexsort((distances, rows, images))
    images, rows, distances = images[order], rows[order], distances[order]
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]) | (images[1:] != images[:-1])
    kept = np.flatnonzero(first & (rows >= 0))
    kept = kept[np.lexsort((rows[kept], distances[kept], images[kept]))]
    images, rows, distances = images[kept], rows[kept], distances[kept]
    ranks = np.arange(len(images)) - np.searchsorted(images, images)
    nearest = ranks < k
    result = Neighbours.none(n, k)
    result.rows[images[nearest], ranks[nearest]] = rows[nearest]
    result.distances[images[nearest], ranks[nearest]] = distances[nearest]
    return result
