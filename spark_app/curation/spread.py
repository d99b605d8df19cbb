"""Where the images lie among the components: two passes over the coordinates, block by block.

The first pass adds up Hotelling's T² and the statistics of each label. The second compares each image with the centroid
of its label, out of which the image and its near-duplicates are taken.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from spark_app.curation.corpus import BLOCK_ROWS, Coordinates, TaskRunner, in_blocks
from spark_app.curation.images import Floats, Images, Mask, Numbers
from spark_app.numerics.label_statistics import (
    GroupSums,
    LabelStatistics,
    distances_to_own,
    nearest_centroids,
    shared_groups,
)

Reals = npt.NDArray[np.float64]

LEAST_OTHERS = 5
"""A label with fewer other images than this says nothing about an image: they are no spread to be relied upon, and too
few to be the nearest neighbours."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Positions of n images relative to the corpus and to their labels."""

    labels: LabelStatistics
    """Statistics of each label, in the order of `Images.labels`."""
    hotelling: Reals
    """Hotelling's T² of the coordinates, shape (n,)."""
    distances: Reals
    """Distance to the centroid of the other images of the label, shape (n,); nan if there are none."""
    spreads: Reals
    """Root mean square distance of these images to their centroid, shape (n,); nan if there are none."""
    others: Numbers
    """Number of these images, shape (n,)."""
    nearest_label: Numbers
    """Label of the nearest centroid, shape (n,); -1 without any."""

    @property
    def has_others(self) -> Mask:
        """Whether the label of an image has enough other images to judge it, shape (n,)."""
        enough: Mask = self.others >= LEAST_OTHERS
        return enough


@dataclass(frozen=True, eq=False)
class _Totals:
    hotelling: Reals
    labels: Numbers
    """Labels that occur."""
    statistics: LabelStatistics
    """Statistics of these labels only, because the images of a block have few."""
    large: GroupSums
    """Sums of the groups that have more images than a block."""


@dataclass(frozen=True, eq=False)
class _Part:
    """Some images, with their labels and their shared groups (-1 for an image that is alone in its group)."""

    images: Numbers
    codes: Numbers
    groups: Numbers


def measure_spread(
    images: Images, groups: Numbers, coordinates: Coordinates, variances: Reals, run: TaskRunner
) -> Spread:
    """Compute the positions of all images.

    Parameters
    ----------
    groups
        For each image the first image of its group of near-duplicates.
    variances
        Variance along each component, shape (k,).
    """
    shared = shared_groups(groups)
    is_large = _sizes(shared) > BLOCK_ROWS
    blocks = in_blocks(np.arange(len(images)))
    parts = [_Part(block, images.codes[block], np.where(is_large[block], shared[block], -1)) for block in blocks]
    statistics = LabelStatistics.empty(len(images.labels), len(variances))
    large = GroupSums.none(len(variances))
    hotelling = [np.empty(0)]
    for totals in run(partial(_add_up, coordinates, variances), parts):
        hotelling.append(totals.hotelling)
        statistics = statistics.merge(totals.statistics.placed(totals.labels, len(images.labels)))
        large = large.merge(totals.large)
    members = _Members(np.where(is_large, -1, shared))
    tasks = [
        (_Part(block, images.codes[block], shared[block]), _Part(others, images.codes[others], shared[others]))
        for block in blocks
        for others in [members.of(block)]
    ]
    compared = list(run(partial(_compare, coordinates, statistics, large), tasks))
    columns = [np.concatenate(parts) for parts in zip(*compared, strict=True)] if compared else [np.empty(0)] * 4
    return Spread(statistics, np.concatenate(hotelling), *columns)


def _sizes(groups: Numbers) -> Numbers:
    """Return the number of images in the group of each image; 1 for a group of -1."""
    _, number, count = np.unique(groups, return_inverse=True, return_counts=True)
    sizes: Numbers = np.where(groups < 0, 1, count[number])
    return sizes


class _Members:
    """The images of each group, so that a task can read all images of the groups that occur in its block.

    The sums of all groups would take as much memory as the coordinates if every image had a copy.
    """

    def __init__(self, groups: Numbers) -> None:
        self._groups = groups
        self._order = np.argsort(groups, kind="stable")
        self._sorted = groups[self._order]

    def of(self, images: Numbers) -> Numbers:
        """Return all images of the groups of some images."""
        groups = np.unique(self._groups[images])
        groups = groups[groups >= 0]
        starts = np.searchsorted(self._sorted, groups)
        ends = np.searchsorted(self._sorted, groups, side="right")
        found = [self._order[start:end] for start, end in zip(starts, ends, strict=True)]
        return np.sort(np.concatenate([np.empty(0, np.int64), *found]))


def _add_up(coordinates: Coordinates, variances: Reals, part: _Part) -> _Totals:
    vectors = coordinates.read(part.images)
    labels, local = np.unique(part.codes, return_inverse=True)
    local = local - int(labels[0] < 0)  # -1 stays the code of images without a label
    labels = labels[labels >= 0]
    return _Totals(
        hotelling=hotelling_of(vectors, variances),
        labels=labels,
        statistics=LabelStatistics.of(local, vectors, len(labels)),
        large=GroupSums.of(part.codes, vectors, part.groups),
    )


def hotelling_of(vectors: Floats, variances: Reals) -> Reals:
    """Return Hotelling's T² of coordinates: the sum of their squares, each divided by the variance of its component.

    Components without variance are left out.
    """
    weights = np.divide(1, variances, out=np.zeros_like(variances), where=variances > 0)
    result: Reals = vectors.astype(np.float64) ** 2 @ weights
    return result


def _compare(
    coordinates: Coordinates, statistics: LabelStatistics, large: GroupSums, task: tuple[_Part, _Part]
) -> tuple[Reals, Reals, Numbers, Numbers]:
    """Compare the images of a block, given all images of their groups but the large ones."""
    block, members = task
    removed = large.merge(GroupSums.of(members.codes, coordinates.read(members.images), members.groups))
    vectors = coordinates.read(block.images)
    own = distances_to_own(statistics, removed, block.codes, vectors, block.groups)
    return *own, nearest_centroids(statistics, own[0], block.codes, vectors)
