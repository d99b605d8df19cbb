"""The coordinates of the images along the principal components: the rows of the table `components`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from contract.tables import Table
from spark_app.arrow import features_matrix, to_lists
from spark_app.keys import MANY_KEYS
from spark_app.stages.basis import BasisChoice
from spark_app.stages.outcomes import AppliedChanges
from spark_app.stages.starting_point import StartingPoint
from spark_app.stages.statistics import FeatureStatistics
from spark_app.tables import RowChanges, Tables

if TYPE_CHECKING:
    from pyspark import Broadcast

    from spark_app.numerics.pca import Basis

COMPONENT_ROWS = pa.schema(
    [
        ("key", pa.string()),
        ("etag", pa.string()),
        ("label", pa.string()),
        ("pca_version", pa.string()),
        ("components", pa.list_(pa.float32())),
        ("residual", pa.float32()),
    ]
)


@dataclass(frozen=True)
class Projection:
    """What a run has done to the table `components`."""

    count: int
    """Number of computed rows."""
    changes: pa.Table | None = None
    """All changed rows (`COMPONENT_ROWS`), if they are few; the components of removed rows are null."""


def update_components(
    start: StartingPoint, applied: AppliedChanges, choice: BasisChoice | None, features: FeatureStatistics
) -> Projection:
    """Give every row of `features` its coordinates.

    With a new basis, or if the table is not in the state that the last run left, all coordinates are replaced. The same
    happens if the changed table does not describe the same images as `features`. An update compares the numbers of rows
    only: the last run has compared the images, and both tables have got the same changes since then.

    Parameters
    ----------
    choice
        The basis; `None` if there are no features.
    features
        The statistics of `features`, which name its rows.
    """
    tables, tally = start.tables, applied.tally
    if choice is None:
        tables.clear_components()
        return Projection(0)
    count = features.statistics.count
    if choice.kept and start.reusable is not None:
        changes = _commit_changes(tables, applied, choice)
        if _agrees(tables, features):
            return Projection(tally.featurised, changes)
    basis = tables.spark.sparkContext.broadcast(choice.basis)
    tables.replace_components(project(tables.spark.table(tables.features), basis, choice.version), count)
    expected = features.rows or tables.row_set(Table.FEATURES)
    if (found := tables.row_set(Table.COMPONENTS)) != expected:
        raise RuntimeError(f"the tables components and features differ: {found} and {expected}")
    return Projection(count)


def _agrees(tables: Tables, features: FeatureStatistics) -> bool:
    if features.rows is None:
        return tables.has_rows(Table.COMPONENTS, features.statistics.count)
    return tables.row_set(Table.COMPONENTS) == features.rows


def _commit_changes(tables: Tables, applied: AppliedChanges, choice: BasisChoice) -> pa.Table | None:
    """Commit the coordinates of the changed rows, and return these rows if they are few."""
    tally, outcomes = applied.tally, applied.outcomes
    if outcomes is None or not tally.touches_features:
        return None
    arrived = outcomes.where("features IS NOT NULL")
    changed: pa.Table | None = None
    if applied.stale_keys is not None and tally.featurised <= MANY_KEYS:
        changed = _projected_here(arrived, applied.stale_keys, choice)
        rows = tables.frame(changed)
    else:
        basis = tables.spark.sparkContext.broadcast(choice.basis)
        gone = outcomes.where("features IS NULL AND had_features").select("key", "etag", "label")
        rows = project(arrived, basis, choice.version).unionByName(gone, allowMissingColumns=True)
    is_present = "components IS NOT NULL"
    changes = RowChanges(rows, is_present, tally.featurised, tally.stale_features, applied.stale_keys)
    tables.commit(Table.COMPONENTS, changes)
    return changed


def _projected_here(arrived: DataFrame, stale_keys: list[str], choice: BasisChoice) -> pa.Table:
    """Project a few features on the driver: a pass through the workers would take longer."""
    features = arrived.select("key", "etag", "label", "features").toArrow()
    rows = pa.Table.from_batches(_projected(features.to_batches(), choice.basis, choice.version), COMPONENT_ROWS)
    gone = sorted(set(stale_keys).difference(rows["key"].to_pylist()))
    return pa.concat_tables([rows, pa.Table.from_pylist([{"key": key} for key in gone], schema=COMPONENT_ROWS)])


def project(features: DataFrame, basis: "Broadcast[Basis]", pca_version: str) -> DataFrame:
    """Project features on a basis, and return rows of `COMPONENT_ROWS`.

    Parameters
    ----------
    features
        Rows with key, etag, label and features.
    """
    rows = features.select("key", "etag", "label", "features")
    task = partial(_project_partition, basis=basis, pca_version=pca_version)
    return rows.mapInArrow(task, from_arrow_schema(COMPONENT_ROWS))


def _project_partition(
    batches: Iterable[pa.RecordBatch], basis: "Broadcast[Basis]", pca_version: str
) -> Iterator[pa.RecordBatch]:
    yield from _projected(batches, basis.value, pca_version)


def _projected(batches: Iterable[pa.RecordBatch], basis: "Basis", pca_version: str) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        coordinates, residuals = basis.project_with_residuals(features_matrix(batch["features"]))
        version = pa.array([pca_version] * batch.num_rows, pa.string())
        lists = to_lists(coordinates.astype(np.float32))
        columns = [batch["key"], batch["etag"], batch["label"], version, lists, pa.array(residuals, pa.float32())]
        yield pa.record_batch(columns, schema=COMPONENT_ROWS)
