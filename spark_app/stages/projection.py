"""The coordinates of the images along the principal components: the rows of the table `components`."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from contract.tables import Table
from spark_app.arrow import features_matrix, to_lists
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
    ]
)


def update_components(
    start: StartingPoint, applied: AppliedChanges, choice: BasisChoice | None, features: FeatureStatistics
) -> int:
    """Give every row of `features` its coordinates, and return the number of computed rows.

    With a new basis, or if the table is not in the state that the last run left, all coordinates are replaced. The same
    happens if the changed table does not describe the same images as `features`.

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
        return 0
    basis = tables.spark.sparkContext.broadcast(choice.basis)
    if choice.kept and start.reusable is not None:
        _commit_changes(tables, applied, basis, choice)
        if features.rows is None or tables.row_set(Table.COMPONENTS) == features.rows:
            return tally.featurised
    count = features.statistics.count
    tables.replace_components(project(tables.spark.table(tables.features), basis, choice.version), count)
    expected = features.rows or tables.row_set(Table.FEATURES)
    if (found := tables.row_set(Table.COMPONENTS)) != expected:
        raise RuntimeError(f"the tables components and features differ: {found} and {expected}")
    return count


def _commit_changes(tables: Tables, applied: AppliedChanges, basis: "Broadcast[Basis]", choice: BasisChoice) -> None:
    tally = applied.tally
    if applied.outcomes is not None and tally.touches_features:
        arrived = project(applied.outcomes.where("features IS NOT NULL"), basis, choice.version)
        gone = applied.outcomes.where("features IS NULL AND had_features").select("key", "etag", "label")
        rows = arrived.unionByName(gone, allowMissingColumns=True)
        is_present = "components IS NOT NULL"
        changes = RowChanges(rows, is_present, tally.featurised, tally.stale_features, applied.stale_keys)
        tables.commit(Table.COMPONENTS, changes)


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
    for batch in batches:
        coordinates = basis.value.project(features_matrix(batch["features"])).astype(np.float32)
        version = pa.array([pca_version] * batch.num_rows, pa.string())
        columns = [batch["key"], batch["etag"], batch["label"], version, to_lists(coordinates)]
        yield pa.record_batch(columns, schema=COMPONENT_ROWS)
