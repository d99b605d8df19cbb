"""The statistics of all features: updated by the changes of a run, or computed in a pass over the table.

A pass computes the statistics of each partition, and merges them in a tree, so that the driver holds few of them.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from contract.layout import BasisFile, pca_folder
from contract.runs import Mode
from contract.tables import Table
from spark_app.arrow import features_matrix
from spark_app.keys import key_condition
from spark_app.npz import from_npz, to_npz
from spark_app.numerics.statistics import Statistics, merge_all
from spark_app.run import Run
from spark_app.settings import FEATURE_COUNT
from spark_app.stages.outcomes import AppliedChanges, staged_features
from spark_app.stages.rows_by_position import read_vectors
from spark_app.stages.starting_point import StartingPoint
from spark_app.storage import Storage
from spark_app.tables import RowSet, Tables

STATISTICS_PARTS = pa.schema([("n", pa.int64()), ("mean", pa.binary()), ("scatter", pa.binary())])

BLOCK_ROWS = 2_048
"""Rows per matrix product: 20 MB of float64, with which the product reaches its full speed."""

DRIVER_VECTORS = 8 * BLOCK_ROWS
"""New vectors of which the driver computes the statistics itself: for 84 MB, tasks of Spark would take longer."""

FAN_IN = 8
"""Statistics that a task of the tree, or the driver, merges. Each takes 13 MB."""

TRUSTED_ROUNDING = 1e-11
"""Maximum rounding error relative to the trace. A pass over the features has about 1e-15, and updated statistics must
equal computed ones to 1e-9 in every norm."""

LARGE_SHARE = 0.25
"""Share of removed vectors above which a pass over the remaining vectors costs no more than one over the removed."""


@dataclass(frozen=True)
class FeatureStatistics:
    """The statistics of a state of the table `features`."""

    statistics: Statistics
    content: int | None
    """Id of the rows that they describe (`IcebergTable.content`); `None` without rows."""
    rows: RowSet | None
    """These rows; `None` if the run has not changed them, or if it is an update, which counts them only."""
    origin: str
    """How the run obtained them: ``unchanged``, ``updated``, or ``computed`` from all features."""

    @property
    def is_stored(self) -> bool:
        """Whether the folder of the basis in force contains them already."""
        return self.origin == "unchanged"


def bring_up_statistics(this: Run, start: StartingPoint, applied: AppliedChanges) -> FeatureStatistics:
    """Update the stored statistics, or compute them from all features if that is impossible or inaccurate.

    Updated statistics must count as many vectors as the table has rows. They do not if rows were lost or added outside
    of this run. An update takes this number from the metadata, because it must not cost more for a larger table.
    """
    tables = start.tables
    stored = _stored(this, start)
    statistics = _updated(this, stored, start, applied) if stored else None
    is_touched = applied.tally.touches_features
    rows = tables.row_set(Table.FEATURES) if is_touched and this.settings.mode is not Mode.UPDATE else None
    if statistics is not None and (not is_touched or _are_all(tables, rows, statistics.count)):
        origin = "computed" if start.contents.features is None else "updated" if is_touched else "unchanged"
    else:
        statistics, origin = compute_statistics(tables.spark.table(tables.features)), "computed"
    return FeatureStatistics(statistics, tables.snapshots().features, rows, origin)


def _are_all(tables: Tables, rows: RowSet | None, count: int) -> bool:
    return tables.has_rows(Table.FEATURES, count) if rows is None else rows.count == count


def _stored(this: Run, start: StartingPoint) -> Statistics | None:
    """Return the statistics of the rows that the run began with; `None` if the last run has not left them."""
    if start.contents.features is None:
        return Statistics.empty(FEATURE_COUNT)
    version = start.last.pca_version if start.last else None
    if version is None:
        return None
    file = pca_folder(version) + BasisFile.STATISTICS
    try:
        return load_statistics(this.root, version, start.contents.features)
    except FileNotFoundError:
        fault = "is missing"
    except ValueError as error:
        fault = f"is damaged ({error})"
    this.notes.append(f"{file} {fault}: this run has computed the statistics from all features.")
    return None


def save_statistics(root: Storage, pca_version: str, features: FeatureStatistics) -> None:
    """Save statistics in the folder of the basis in force, for the next run to update.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    statistics = features.statistics
    body = to_npz(
        count=statistics.count,
        mean=statistics.mean,
        scatter=statistics.scatter,
        rounding=statistics.rounding,
        snapshot=features.content or 0,
    )
    root.write(pca_folder(pca_version) + BasisFile.STATISTICS, body)


def load_statistics(root: Storage, pca_version: str, content: int | None) -> Statistics | None:
    """Read the statistics in the folder of a basis; return `None` if they describe other rows.

    Parameters
    ----------
    content
        Id of the rows that the statistics must describe.

    Raises
    ------
    FileNotFoundError
        If there are none.
    ValueError
        If the file is damaged.
    StorageError
        If the storage fails.
    """
    body = root.read(pca_folder(pca_version) + BasisFile.STATISTICS)
    if body is None:
        raise FileNotFoundError(BasisFile.STATISTICS)
    arrays = from_npz(body, ("count", "mean", "scatter", "rounding", "snapshot"))
    if int(arrays["snapshot"]) != (content or 0):
        return None
    return Statistics(int(arrays["count"]), arrays["mean"], arrays["scatter"], float(arrays["rounding"]))


def _updated(this: Run, stored: Statistics, start: StartingPoint, applied: AppliedChanges) -> Statistics | None:
    """Update statistics; return `None` if many vectors have gone, or if the rounding error may be too large."""
    tally, statistics = applied.tally, stored
    if tally.stale_features > LARGE_SHARE * stored.count:
        return None
    if applied.outcomes is not None and tally.featurised:
        statistics = statistics.merge(_statistics_of_arrivals(this, applied.outcomes, tally.featurised))
    if applied.outcomes is not None and tally.stale_features:
        statistics = statistics.unmerge(_statistics_of_replaced(this, start, applied, applied.outcomes))
    return statistics if statistics.relative_rounding <= TRUSTED_ROUNDING else None


def _statistics_of_arrivals(this: Run, outcomes: DataFrame, count: int) -> Statistics:
    """Compute the statistics of new features, which were staged by this run."""
    if count > DRIVER_VECTORS:
        return compute_statistics(outcomes.where("features IS NOT NULL"))
    return merge_all(map(Statistics.of, _blocks(staged_features(this.root, this.staging))), FEATURE_COUNT)


def _statistics_of(features: DataFrame, count: int) -> Statistics:
    """Compute statistics on the workers if the vectors are larger than their scatter matrix, else on the driver."""
    if count > FEATURE_COUNT:
        return compute_statistics(features)
    vectors = features.select("features").toArrow().column(0).combine_chunks()
    return Statistics.of(features_matrix(vectors))


def _statistics_of_replaced(
    this: Run, start: StartingPoint, applied: AppliedChanges, outcomes: DataFrame
) -> Statistics:
    """Compute the statistics of the features that the run has replaced or removed, from the snapshot before the run."""
    if start.snapshot is None:
        raise ValueError("a table without a snapshot had no rows to replace")
    before = start.tables.features_as_of(start.snapshot, key_condition(applied.stale_keys))
    if applied.stale_keys is not None:
        return Statistics.of(read_vectors(this.root, before.select("_file", "_pos").collect()))
    gone = before.join(outcomes.where("had_features").select("key"), "key", "left_semi")
    return _statistics_of(gone, applied.tally.stale_features)


def compute_statistics(features: DataFrame) -> Statistics:
    """Compute the statistics of the column `features`, which may have no rows."""
    parts = features.select("features").mapInArrow(_statistics_of_partition, from_arrow_schema(STATISTICS_PARTS))
    partitions = parts.rdd.getNumPartitions()
    while partitions > FAN_IN:
        partitions = math.ceil(partitions / FAN_IN)
        parts = parts.repartition(partitions).mapInArrow(_merge_partition, from_arrow_schema(STATISTICS_PARTS))
    return merge_all((_from_bytes(row.n, row.mean, row.scatter) for row in parts.collect()), FEATURE_COUNT)


def _statistics_of_partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from _to_rows(merge_all(map(Statistics.of, _blocks(batches)), FEATURE_COUNT))


def _blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    for batch in batches:
        held.append(features_matrix(batch.column(0)))
        if sum(map(len, held)) >= BLOCK_ROWS:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _merge_partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    parts = (_from_bytes(**row) for batch in batches for row in batch.to_pylist())
    yield from _to_rows(merge_all(parts, FEATURE_COUNT))


def _to_rows(statistics: Statistics) -> Iterator[pa.RecordBatch]:
    """Return one row, or none for no vectors, so that empty partitions cost nothing."""
    if statistics.count:
        row = {"n": statistics.count, "mean": statistics.mean.tobytes(), "scatter": statistics.scatter.tobytes()}
        yield pa.RecordBatch.from_pylist([row], STATISTICS_PARTS)


def _from_bytes(n: int, mean: bytes, scatter: bytes) -> Statistics:
    return Statistics(n, np.frombuffer(mean), np.frombuffer(scatter).reshape(FEATURE_COUNT, FEATURE_COUNT))
