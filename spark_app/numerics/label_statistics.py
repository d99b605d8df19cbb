"""Count, mean and scatter of the vectors of each label, and comparisons of an image with the other images of its label.

An image is compared with its label without itself and without the images of its group, its near-duplicates: these are
un-merged from the label. A group can span blocks of images, so the work takes two passes over the blocks:

>>> groups = shared_groups(all_groups)  # doctest: +SKIP
>>> for block in blocks:  # doctest: +SKIP
...     statistics = statistics.merge(LabelStatistics.of(block.codes, block.vectors, labels))
...     removed = removed.merge(GroupSums.of(block.codes, block.vectors, block.groups))
>>> for block in blocks:  # doctest: +SKIP
...     distances, spreads, counts = distances_to_own(
...         statistics, removed, block.codes, block.vectors, block.groups
...     )
...     nearest = nearest_centroids(statistics, distances, block.codes, block.vectors)

A code is the number of a label, from 0 to L - 1, or -1 for an image without a label. A group is any number from 0, or
-1 for an image that is alone in its group. The formulas are those of `spark_app.numerics.statistics`; a scatter is the
trace of a scatter matrix.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from spark_app.numerics.statistics import Matrix, Vector

Integers = npt.NDArray[np.int64]
Coordinates = npt.NDArray[np.floating]

_CELLS = 1 << 22
"""Distances from images to centroids that are computed at a time."""


@dataclass(frozen=True, eq=False)
class LabelStatistics:
    """Statistics of vectors of k dimensions for each of L labels."""

    counts: Integers
    """Number of vectors of each label, shape (L,)."""
    means: Matrix
    """Shape (L, k), float64; zeros for a label without vectors."""
    scatters: Vector
    """Sum of the squared distances of a label's vectors to their mean, shape (L,), float64."""

    def __post_init__(self) -> None:
        labels = len(self.counts)
        shapes = (self.counts.shape, self.means.shape[:1], self.scatters.shape)
        if set(shapes) != {(labels,)} or self.means.ndim != 2 or (self.counts < 0).any():  # noqa: PLR2004 - a matrix
            raise ValueError(f"not statistics of labels: shapes {shapes}, or a negative count")

    def __len__(self) -> int:
        return len(self.counts)

    @classmethod
    def empty(cls, labels: int, k: int) -> Self:
        """Return the statistics of no vectors, the neutral element of `merge`."""
        return cls(np.zeros(labels, np.int64), np.zeros((labels, k)), np.zeros(labels))

    @classmethod
    def of(cls, codes: Integers, vectors: Coordinates, labels: int) -> Self:
        """Compute the statistics of vectors.

        Parameters
        ----------
        codes
            Label of each vector, shape (n,); -1 leaves the vector out.
        vectors
            Shape (n, k).
        labels
            Number of labels, L.

        Raises
        ------
        ValueError
            If there is not one code, from -1 to L - 1, for each vector.
        """
        _check_codes(codes, vectors, labels)
        order = np.argsort(codes, kind="stable")[np.count_nonzero(codes < 0) :]
        result = cls.empty(labels, vectors.shape[1])
        if len(order) == 0:
            return result
        present, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
        samples = vectors[order].astype(np.float64)
        means = np.add.reduceat(samples, starts) / counts[:, np.newaxis]
        samples -= np.repeat(means, counts, axis=0)
        result.counts[present] = counts
        result.means[present] = means
        result.scatters[present] = np.add.reduceat(_squares(samples), starts)
        return result

    def merge(self, other: Self) -> Self:
        """Return the statistics of both sets of vectors together."""
        self._check_alike(other)
        counts = self.counts + other.counts
        total = np.maximum(counts, 1)
        differences = other.means - self.means
        means = self.means + differences * (other.counts / total)[:, np.newaxis]
        # The mean of a label without vectors is not a part of the sum.
        weights = self.counts * other.counts / total
        return type(self)(counts, means, self.scatters + other.scatters + _squares(differences) * weights)

    def unmerge(self, other: Self) -> Self:
        """Return the statistics of these vectors without some of them: ``a.merge(b).unmerge(b)`` is ``a``.

        Raises
        ------
        ValueError
            If `other` has more vectors of a label than this object.
        """
        self._check_alike(other)
        counts = self.counts - other.counts
        if (counts < 0).any():
            code = int(np.argmin(counts))
            raise ValueError(f"can't take {other.counts[code]} vectors out of {self.counts[code]} of label {code}")
        left = np.maximum(counts, 1)
        means = self.means + (self.means - other.means) * (other.counts / left)[:, np.newaxis]
        removed = other.scatters + _squares(other.means - means) * (counts * other.counts / np.maximum(self.counts, 1))
        scatters = _difference(self.scatters, removed)
        # A single vector is its own mean, and no vectors have none.
        return type(self)(counts, np.where(counts[:, np.newaxis] > 0, means, 0.0), np.where(counts > 1, scatters, 0.0))

    def _check_alike(self, other: Self) -> None:
        if self.means.shape != other.means.shape:
            raise ValueError(f"statistics of {self.means.shape} and {other.means.shape} do not belong together")

    def take(self, codes: Integers) -> Self:
        """Return the statistics of the labels of these codes, one after the other."""
        return type(self)(self.counts[codes], self.means[codes], self.scatters[codes])

    def placed(self, codes: Integers, labels: int) -> Self:
        """Return statistics of more labels, of which these are those of some codes, and the others have no vectors."""
        result = self.empty(labels, self.means.shape[1])
        result.counts[codes], result.means[codes], result.scatters[codes] = self.counts, self.means, self.scatters
        return result


@dataclass(frozen=True, eq=False)
class GroupSums:
    """Statistics of the images of each group that have the same label."""

    groups: Integers
    """Shape (m,)."""
    codes: Integers
    """Shape (m,). The pairs of a group and a code are sorted, and there are no two alike."""
    statistics: LabelStatistics
    """Statistics of each pair, in this order."""

    def __post_init__(self) -> None:
        if not self.groups.shape == self.codes.shape == self.statistics.counts.shape:
            raise ValueError(f"{self.groups.shape} groups, {self.codes.shape} codes, {len(self.statistics)} statistics")

    def __len__(self) -> int:
        return len(self.groups)

    @classmethod
    def none(cls, k: int) -> Self:
        """Return the sums of no images, the neutral element of `merge`."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), LabelStatistics.empty(0, k))

    @classmethod
    def of(cls, codes: Integers, vectors: Coordinates, groups: Integers) -> Self:
        """Compute the statistics of a block of images, of which those with group -1 or code -1 are left out.

        Parameters
        ----------
        codes, groups
            Label and group of each image, shape (n,).
        vectors
            Shape (n, k).
        """
        chosen = (groups >= 0) & (codes >= 0)
        (pair_groups, pair_codes), numbers = _distinct(groups[chosen], codes[chosen])
        statistics = LabelStatistics.of(numbers, vectors[chosen], len(pair_groups))
        return cls(pair_groups, pair_codes, statistics)

    def merge(self, other: Self) -> Self:
        """Return the statistics of both sets of images together."""
        (groups, codes), numbers = _distinct(
            np.concatenate([self.groups, other.groups]), np.concatenate([self.codes, other.codes])
        )
        own = self.statistics.placed(numbers[: len(self)], len(groups))
        others = other.statistics.placed(numbers[len(self) :], len(groups))
        return type(self)(groups, codes, own.merge(others))

    def of_images(self, codes: Integers, vectors: Coordinates, groups: Integers) -> LabelStatistics:
        """Return, for each image, the statistics of the images of its group and label: at least of itself.

        Raises
        ------
        ValueError
            If an image has a group that these sums do not have with its label.
        """
        n = len(codes)
        result = LabelStatistics(np.ones(n, np.int64), vectors.astype(np.float64), np.zeros(n))
        grouped = np.flatnonzero((groups >= 0) & (codes >= 0))
        places = self._places(groups[grouped], codes[grouped])
        result.counts[grouped] = self.statistics.counts[places]
        result.means[grouped] = self.statistics.means[places]
        result.scatters[grouped] = self.statistics.scatters[places]
        return result

    def _places(self, groups: Integers, codes: Integers) -> Integers:
        (all_groups, _), numbers = _distinct(np.concatenate([self.groups, groups]), np.concatenate([self.codes, codes]))
        if len(all_groups) > len(self):
            raise ValueError("the sums of the groups lack a group of these images")
        return numbers[len(self) :]  # the pairs of this object are sorted, so the number of a pair is its place


def shared_groups(groups: Integers) -> Integers:
    """Replace the groups that have one image only by -1.

    Parameters
    ----------
    groups
        Group of each image of the whole corpus, shape (n,).
    """
    _, numbers, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return np.where(counts[numbers] > 1, groups, -1)


def distances_to_own(
    statistics: LabelStatistics, removed: GroupSums, codes: Integers, vectors: Coordinates, groups: Integers
) -> tuple[Vector, Vector, Integers]:
    """Compare images with the images of their label that are not in their group.

    Parameters
    ----------
    statistics
        Statistics of all images.
    removed
        Sums of all images of shared groups.
    codes, groups
        Label and group of each image of a block, shape (n,).
    vectors
        Shape (n, k).

    Returns
    -------
    distances
        Distance of each image to the mean of these other images, shape (n,); NaN if there are none.
    spreads
        Root mean square distance of these other images to their mean, shape (n,); NaN if there are none.
    counts
        Number of these other images, shape (n,).
    """
    others = _others(statistics, removed, codes, vectors, groups)
    missing = others.counts == 0
    distances = np.sqrt(_squares(vectors.astype(np.float64) - others.means))
    spreads = np.sqrt(others.scatters / np.maximum(others.counts, 1))
    distances[missing] = spreads[missing] = np.nan
    return distances, spreads, others.counts


def nearest_centroids(statistics: LabelStatistics, own: Vector, codes: Integers, vectors: Coordinates) -> Integers:
    """Find the label whose mean is the nearest to each image; the mean of its own label is that without its group.

    Parameters
    ----------
    statistics, codes, vectors
        As for `distances_to_own`.
    own
        The distances that `distances_to_own` returns.

    Returns
    -------
    Code of the label, shape (n,): the lowest code of equally near ones, -1 if there are no other images with a label.
    """
    rows = max(_CELLS // max(len(statistics), 1), 1)
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(codes), rows):
        part = slice(start, start + rows)
        found.append(_nearest(statistics, own[part], codes[part], vectors[part].astype(np.float64)))
    return np.concatenate(found)


def _nearest(statistics: LabelStatistics, own: Vector, codes: Integers, vectors: Matrix) -> Integers:
    """Select by a matrix product, and compute the distances of the candidates one by one.

    The rounding of a matrix product depends on the shape of the matrices. The result must not.
    """
    if len(statistics) == 0:
        return np.full(len(codes), -1)
    lengths, norms = _squares(vectors), _squares(statistics.means)
    squares = lengths[:, np.newaxis] + norms - 2 * (vectors @ statistics.means.T)
    squares[:, statistics.counts == 0] = np.inf
    labelled = np.flatnonzero(codes >= 0)
    squares[labelled, codes[labelled]] = np.where(np.isnan(own[labelled]), np.inf, own[labelled] ** 2)
    # The bound of the rounding of a product of k terms, twice: of the least distance, and of the candidate's.
    margin = 8 * (vectors.shape[1] + 4) * np.finfo(np.float64).eps * (lengths + norms.max())
    images, labels = np.nonzero(squares <= (squares.min(axis=1) + margin)[:, np.newaxis])
    distances = np.sqrt(_squares(vectors[images] - statistics.means[labels]))
    distances = np.where(labels == codes[images], own[images], distances)
    distances[np.isinf(squares[images, labels])] = np.inf
    order = np.lexsort((labels, distances, images))
    images, first = np.unique(images[order], return_index=True)
    chosen = order[first]
    return np.where(np.isinf(distances[chosen]), -1, labels[chosen])


def _others(
    statistics: LabelStatistics, removed: GroupSums, codes: Integers, vectors: Coordinates, groups: Integers
) -> LabelStatistics:
    """Return, for each image, the statistics of the images of its label that are not in its group."""
    _check_codes(codes, vectors, len(statistics))
    if groups.shape != codes.shape:
        raise ValueError(f"{codes.shape} codes, but {groups.shape} groups")
    labelled = np.flatnonzero(codes >= 0)
    own = removed.of_images(codes[labelled], vectors[labelled], groups[labelled])
    return statistics.take(codes[labelled]).unmerge(own).placed(labelled, len(codes))


def _check_codes(codes: Integers, vectors: Coordinates, labels: int) -> None:
    if vectors.ndim != 2 or codes.shape != vectors.shape[:1]:  # noqa: PLR2004 - a matrix
        raise ValueError(f"{codes.shape} codes, but vectors of shape {vectors.shape}")
    if len(codes) and not -1 <= codes.min() <= codes.max() < labels:
        raise ValueError(f"codes from {codes.min()} to {codes.max()}, but {labels} labels")


def _distinct(groups: Integers, codes: Integers) -> tuple[tuple[Integers, Integers], Integers]:
    """Return the distinct pairs, sorted, and the number of each pair among them."""
    order = np.lexsort((codes, groups))
    sorted_groups, sorted_codes = groups[order], codes[order]
    new = np.ones(len(order), bool)
    new[1:] = (sorted_groups[1:] != sorted_groups[:-1]) | (sorted_codes[1:] != sorted_codes[:-1])
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(new) - 1
    return (sorted_groups[new], sorted_codes[new]), numbers


def _squares(vectors: Matrix) -> Vector:
    """Return the squared lengths of vectors, shape (n,)."""
    squares: Vector = np.einsum("ij,ij->i", vectors, vectors)
    return squares


def _difference(total: Vector, removed: Vector) -> Vector:
    """Subtract sums of squares; a difference that is no more than rounding is 0."""
    left = total - removed
    return np.where(left > _ROUNDING * total, left, 0.0)


_ROUNDING = 1e-13
"""Bound of the relative rounding error of a sum of squares of some thousand vectors."""
