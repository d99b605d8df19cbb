"""Where the images lie among the components: two passes over the coordinates, block by block.

The first pass adds up Hotelling's T² and the statistics of each label. The second compares each image with the centroid
of its label, out of which the image and its near-duplicates are taken.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from spark_app.curation.corpus import Coordinates, TaskRunner, in_blocks
from spark_app.curation.images import Floats, Images, Numbers
from spark_app.numerics.label_statistics import (
    GroupSums,
    LabelStatistics,
    distances_to_own,
    nearest_centroids,
    shared_groups,
)

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spread:
    """Positions of n images relative to the corpus and to their labels."""

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


@dataclass(frozen=True, eq=False)
class _Totals:
    hotelling: Reals
    labels: Numbers
    """Labels that occur."""
    statistics: LabelStatistics
    """Statistics of these labels only, because the images of a block have few."""
    removed: GroupSums


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
    blocks = in_blocks(np.arange(len(images)))
    tasks = [(block, images.codes[block], shared[block]) for block in blocks]
    statistics = LabelStatistics.empty(len(images.labels), len(variances))
    removed = GroupSums.none(len(variances))
    hotelling = [np.empty(0)]
    for totals in run(partial(_add_up, coordinates, variances), tasks):
        hotelling.append(totals.hotelling)
        statistics = statistics.merge(_scattered(totals, len(images.labels)))
        removed = removed.merge(totals.removed)
    compared = list(run(partial(_compare, coordinates, statistics, removed), tasks))
    columns = [np.concatenate(parts) for parts in zip(*compared, strict=True)] if compared else [np.empty(0)] * 4
    return Spread(np.concatenate(hotelling), *columns)


_Task = tuple[Numbers, Numbers, Numbers]
"""Positions, labels and groups of the images of a block."""


def _add_up(coordinates: Coordinates, variances: Reals, task: _Task) -> _Totals:
    block, codes, groups = task
    vectors = coordinates.read(block)
    labels, local = np.unique(codes, return_inverse=True)
    local = local - int(labels[0] < 0)  # -1 stays the code of images without a label
    labels = labels[labels >= 0]
    return _Totals(
        hotelling=hotelling_of(vectors, variances),
        labels=labels,
        statistics=LabelStatistics.of(local, vectors, len(labels)),
        removed=GroupSums.of(codes, vectors, groups),
    )


def hotelling_of(vectors: Floats, variances: Reals) -> Reals:
    """Return Hotelling's T² of coordinates: the sum of their squares, each divided by the variance of its component.

    Components without variance are left out.
    """
    weights = np.divide(1, variances, out=np.zeros_like(variances), where=variances > 0)
    result: Reals = vectors.astype(np.float64) ** 2 @ weights
    return result


def _scattered(totals: _Totals, labels: int) -> LabelStatistics:
    """Return the statistics of all labels from those of some."""
    some = totals.statistics
    counts, scatters = np.zeros(labels, np.int64), np.zeros(labels)
    means = np.zeros((labels, some.means.shape[1]))
    counts[totals.labels], scatters[totals.labels], means[totals.labels] = some.counts, some.scatters, some.means
    return LabelStatistics(counts, means, scatters)


def _compare(
    coordinates: Coordinates, statistics: LabelStatistics, removed: GroupSums, task: _Task
) -> tuple[Reals, Reals, Numbers, Numbers]:
    block, codes, groups = task
    vectors = coordinates.read(block)
    own = distances_to_own(statistics, removed, codes, vectors, groups)
    return *own, nearest_centroids(statistics, removed, codes, vectors, groups)
