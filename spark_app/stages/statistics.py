"""Statistics of all features: computed in a pass over them, or followed from one state of the table to the next.

Computed, there is one per partition, merged in a tree, so that the driver holds a few of them at most.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from spark_app.keys import key_condition
from spark_app.numerics.statistics import Statistics, merge_all
from spark_app.run import Change, Start
from spark_app.settings import FEATURES
from spark_app.stages.arrow import features_matrix

PARTS = pa.schema([("n", pa.int64()), ("mean", pa.binary()), ("scatter", pa.binary())])

BLOCK_ROWS = 2_048
"""Rows per matrix product: 20 MB of float64, enough for the product to run at full speed."""

FAN_IN = 8
"""Statistics merged by one task of the tree, and by the driver: 13 MB each."""


TRUSTED_ROUNDING = 1e-11
"""Relative to the trace. A pass over the features makes 1e-15 or so, and followed statistics should be as good as
computed ones to 1e-9 in every norm."""

LARGE_SHARE = 0.25
"""Where so many of the vectors go, a pass over those that stay is no dearer than one over those that go."""


def follow_statistics(stored: Statistics, start: Start, change: Change) -> Statistics | None:
    """Bring statistics up to what a run has changed, at the cost of the change.

    Parameters
    ----------
    stored
        Statistics of `features` before the run.
    start, change
        What the run found, and what it changed.

    Returns
    -------
    Statistics or None
        None if they had better be computed anew: because much has gone, or rounding may have done much by now.
    """
    tally, followed = change.tally, stored
    if tally.stale_features > LARGE_SHARE * stored.count:
        return None
    if change.outcomes is not None and tally.featurised:
        arrived = change.outcomes.where("features IS NOT NULL")
        followed = followed.merge(_statistics_of(arrived, tally.featurised))
    if change.outcomes is not None and tally.stale_features:
        left = _replaced(start, change, change.outcomes)
        followed = followed.unmerge(_statistics_of(left, tally.stale_features))
    return followed if followed.relative_rounding <= TRUSTED_ROUNDING else None


def _statistics_of(features: DataFrame, count: int) -> Statistics:
    """Compute statistics where they are cheaper to come by: fewer vectors than these are smaller than their scatter."""
    if count > FEATURES:
        return compute_statistics(features)
    vectors = features.select("features").toArrow().column(0).combine_chunks()
    return Statistics.of(features_matrix(vectors))


def _replaced(start: Start, change: Change, outcomes: DataFrame) -> DataFrame:
    """Read the features that the run has replaced or removed, from the table as the run found it."""
    if start.snapshot is None:
        raise ValueError("a table without a snapshot had no rows to replace")
    before = start.tables.features_as_of(start.snapshot, key_condition(change.stale_keys))
    return before.join(outcomes.where("had_features").select("key"), "key", "left_semi")


def compute_statistics(features: DataFrame) -> Statistics:
    """Compute the statistics of a column `features`.

    Parameters
    ----------
    features
        Rows of 1280 features each; may be empty.
    """
    parts = features.select("features").mapInArrow(_statistics_of_partition, from_arrow_schema(PARTS))
    partitions = parts.rdd.getNumPartitions()
    while partitions > FAN_IN:
        partitions = math.ceil(partitions / FAN_IN)
        parts = parts.repartition(partitions).mapInArrow(_merged, from_arrow_schema(PARTS))
    return merge_all((_from_bytes(row.n, row.mean, row.scatter) for row in parts.collect()), FEATURES)


def _statistics_of_partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from _to_rows(merge_all(map(Statistics.of, _blocks(batches)), FEATURES))


def _blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    for batch in batches:
        held.append(features_matrix(batch.column(0)))
        if sum(map(len, held)) >= BLOCK_ROWS:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _merged(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    parts = (
        _from_bytes(*(batch[name][row].as_py() for name in PARTS.names))
        for batch in batches
        for row in range(batch.num_rows)
    )
    yield from _to_rows(merge_all(parts, FEATURES))


def _to_rows(statistics: Statistics) -> Iterator[pa.RecordBatch]:
    """One row, or none for the statistics of nothing: empty partitions cost nothing."""
    if statistics.count:
        row = ([statistics.count], [statistics.mean.tobytes()], [statistics.scatter.tobytes()])
        yield pa.record_batch([pa.array(v, t) for v, t in zip(row, PARTS.types, strict=True)], PARTS)


def _from_bytes(n: int, mean: bytes, scatter: bytes) -> Statistics:
    return Statistics(n, np.frombuffer(mean), np.frombuffer(scatter).reshape(FEATURES, FEATURES))
