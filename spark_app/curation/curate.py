"""The order of the curation: near-duplicates → neighbours → positions among the components → findings."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from contract.findings import Representation
from spark_app.curation.corpus import Coordinates, Corpus, TaskRunner, origin_of
from spark_app.curation.duplicates import find_duplicates, find_near_duplicates_to_report
from spark_app.curation.findings import rows_of
from spark_app.curation.found import Found
from spark_app.curation.images import Images
from spark_app.curation.known import Known
from spark_app.curation.label_doubts import find_label_doubts
from spark_app.curation.near_duplicates import NearDuplicates, find_near_duplicates
from spark_app.curation.neighbourhood import Pending, nearest_neighbours
from spark_app.curation.outliers import find_label_outliers, find_outliers
from spark_app.curation.quality import find_bad_pictures
from spark_app.curation.representation import representation_of
from spark_app.curation.spread import Spread, measure_spread
from spark_app.numerics.label_statistics import LabelStatistics
from spark_app.numerics.neighbours import NearRule, Neighbours
from spark_app.numerics.pca import Basis
from spark_app.settings import NEIGHBOURS, CurationSettings

CLOSE_BITS = 2
"""Bits up to which the features of near-duplicates may differ more: a copy of low quality has nearly the same hash."""

CLOSE_ALLOWANCE = 0.15
"""How much lower their cosine may be."""


@dataclass(frozen=True, eq=False)
class Curated:
    """What the curation has found."""

    findings: pa.Table
    """Rows of `FINDINGS`."""
    known: Known
    """For the next run."""
    labels: LabelStatistics
    """Statistics of the coordinates of each label, in the order of `Images.labels`."""
    representation: Representation | None
    """Quality of the components; `None` if there are no two labels to tell apart."""
    unjudged: int
    """Number of images with a label that has too few others to judge them."""
    has_all_pairs: bool
    """Whether all pairs of near-duplicates were compared: not so in a flood of almost equal images."""
    has_neighbours: bool
    """Whether labels were compared with those of the nearest images: not so if the images are too many."""


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What the findings follow from."""

    near: NearDuplicates
    neighbours: Neighbours
    spread: Spread


def near_rule(settings: CurationSettings) -> NearRule:
    """Return the rule by which two images are near-duplicates."""
    bits, cosine = settings.near_duplicate_bits, settings.near_duplicate_cosine
    return NearRule(bits, cosine, min(CLOSE_BITS, bits), max(cosine - CLOSE_ALLOWANCE, 0.0))


def curate(
    images: Images, coordinates: Coordinates, basis: Basis, known: Known, settings: CurationSettings, run: TaskRunner
) -> Curated:
    """Find everything that is wrong with the images.

    The result depends on the images, their coordinates, the basis and the settings only. What an earlier run knows
    saves work, and changes nothing, with two exceptions, of which a note tells: which pairs are left out in a flood of
    almost equal images, and whether more images than `max_compared_images` are compared.
    """
    rule = near_rule(settings)
    corpus = Corpus.of(images, coordinates, origin_of(basis))
    near = find_near_duplicates(images, corpus, rule, known.pairs, run)
    pending = Pending.of(images.row_ids, known)
    has_neighbours = pending.comparisons <= settings.max_compared_images**2
    if has_neighbours:
        neighbours = nearest_neighbours(pending, corpus, rule, run)
        now_known = Known(images.row_ids, neighbours, near.pairs)
    else:
        neighbours = Neighbours.none(len(images), NEIGHBOURS)
        now_known = replace(Known.nothing(), pairs=near.pairs)
    spread = measure_spread(images, near.groups, coordinates, basis.explained_variance, run)
    evidence = _Evidence(near, neighbours, spread)
    return Curated(
        findings=rows_of(_findings(images, evidence, basis, settings), images),
        known=now_known,
        labels=spread.labels,
        representation=representation_of(images, neighbours, spread),
        unjudged=int(np.count_nonzero((images.codes >= 0) & ~spread.has_others)),
        has_all_pairs=near.pairs.is_complete,
        has_neighbours=has_neighbours,
    )


def _findings(images: Images, evidence: _Evidence, basis: Basis, settings: CurationSettings) -> Iterator[Found]:
    yield find_duplicates(images)
    yield find_near_duplicates_to_report(images, evidence.near)
    yield find_outliers(evidence.spread, images.measure("residual"), basis, settings.outlier_confidence)
    yield find_label_outliers(images, evidence.spread, settings.label_outlier_ratio)
    yield find_label_doubts(images, evidence.neighbours, evidence.spread, settings.label_doubt_neighbours)
    yield from find_bad_pictures(images, settings)
