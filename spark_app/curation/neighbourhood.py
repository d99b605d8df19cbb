"""The nearest neighbours of all images: an update computes them for what has changed only."""

from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np

from spark_app.curation.corpus import Corpus, TaskRunner, in_blocks
from spark_app.curation.images import Ids, Numbers
from spark_app.curation.known import Known
from spark_app.numerics.neighbours import NearRule, Neighbours, nearest
from spark_app.settings import NEIGHBOURS


@dataclass(frozen=True, eq=False)
class Pending:
    """What is known of the neighbours of all images, and what is left to compare.

    An image that is new, or that has lost a neighbour, is to be compared with all images. All others are to be compared
    with the new ones.
    """

    so_far: Neighbours
    """Neighbours of all images; those of incomplete images do not count."""
    incomplete: Numbers
    """Positions of the images to compare with all."""
    complete: Numbers
    """Positions of all other images."""
    new: Numbers
    """Positions of the images that are not known at all, which are a part of `incomplete`."""

    @classmethod
    def of(cls, rows: Ids, known: Known) -> Self:
        """Return what is left to compare.

        Parameters
        ----------
        rows
            Ids of the versions of the images, by which `known` knows them.
        """
        so_far, is_complete = known.neighbours_of(rows)
        is_new = ~np.isin(rows, known.rows)
        return cls(so_far, np.flatnonzero(~is_complete), np.flatnonzero(is_complete), np.flatnonzero(is_new))

    @property
    def comparisons(self) -> int:
        """Number of pairs of images to compare."""
        return len(self.incomplete) * len(self.so_far) + len(self.new) * len(self.complete)


def nearest_neighbours(pending: Pending, corpus: Corpus, rule: NearRule, run: TaskRunner) -> Neighbours:
    """Return the nearest neighbours of all images, without their near-duplicates."""
    found = Neighbours(pending.so_far.rows.copy(), pending.so_far.distances.copy())
    incomplete, complete = pending.incomplete, pending.complete
    computed = _nearest_of(incomplete, corpus, corpus.blocks(), rule, run)
    found.rows[incomplete], found.distances[incomplete] = computed.rows, computed.distances
    if len(pending.new) and len(complete):
        kept = Neighbours(found.rows[complete], found.distances[complete])
        merged = kept.merged(_nearest_of(complete, corpus, in_blocks(pending.new), rule, run))
        found.rows[complete], found.distances[complete] = merged.rows, merged.distances
    return found


def _nearest_of(images: Numbers, corpus: Corpus, among: list[Numbers], rule: NearRule, run: TaskRunner) -> Neighbours:
    return Neighbours.joined(run(partial(_nearest_in_task, corpus, among, rule), in_blocks(images)), NEIGHBOURS)


def _nearest_in_task(corpus: Corpus, among: list[Numbers], rule: NearRule, images: Numbers) -> Neighbours:
    return nearest(corpus.block(images), map(corpus.block, among), NEIGHBOURS, rule, corpus.origin)
