"""The nearest neighbours of all images: an update computes them for what has changed only."""

from functools import partial

import numpy as np

from spark_app.curation.corpus import Corpus, TaskRunner, in_blocks
from spark_app.curation.images import Ids, Numbers
from spark_app.curation.known import Known
from spark_app.numerics.neighbours import NearRule, Neighbours, nearest
from spark_app.settings import NEIGHBOURS


def comparisons(rows: Ids, known: Known) -> int:
    """Return the number of pairs of images that `update_neighbours` compares."""
    _, is_complete = known.neighbours_of(rows)
    new = np.count_nonzero(~np.isin(rows, known.rows))
    return int(np.count_nonzero(~is_complete) * len(rows) + new * np.count_nonzero(is_complete))


def update_neighbours(rows: Ids, corpus: Corpus, known: Known, rule: NearRule, run: TaskRunner) -> Neighbours:
    """Return the nearest neighbours of all images, without their near-duplicates.

    An image that is new, or that has lost a neighbour, is compared with all images. All others are compared with the
    new ones, and keep the nearest of both.

    Parameters
    ----------
    rows
        Ids of the versions of the images, by which `known` knows them.
    """
    found, is_complete = known.neighbours_of(rows)
    is_new = ~np.isin(rows, known.rows)
    incomplete, complete, new = np.flatnonzero(~is_complete), np.flatnonzero(is_complete), np.flatnonzero(is_new)
    computed = _nearest_of(incomplete, corpus, corpus.blocks(), rule, run)
    found.rows[incomplete], found.distances[incomplete] = computed.rows, computed.distances
    if len(new) and len(complete):
        so_far = Neighbours(found.rows[complete], found.distances[complete])
        merged = so_far.merged(_nearest_of(complete, corpus, in_blocks(new), rule, run))
        found.rows[complete], found.distances[complete] = merged.rows, merged.distances
    return found


def _nearest_of(images: Numbers, corpus: Corpus, among: list[Numbers], rule: NearRule, run: TaskRunner) -> Neighbours:
    parts = list(run(partial(_nearest_in_task, corpus, among, rule), in_blocks(images)))
    empty = np.empty((0, NEIGHBOURS))
    return Neighbours(
        np.concatenate([empty.astype(np.int64), *(part.rows for part in parts)]),
        np.concatenate([empty.astype(np.float32), *(part.distances for part in parts)]),
    )


def _nearest_in_task(corpus: Corpus, among: list[Numbers], rule: NearRule, images: Numbers) -> Neighbours:
    return nearest(corpus.block(images), map(corpus.block, among), NEIGHBOURS, rule, corpus.origin)
