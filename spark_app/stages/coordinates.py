"""Coordinates of images along the principal components of the basis."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from spark_app.run import Change, Start
from spark_app.stages.arrow import features_matrix, to_lists
from spark_app.stages.basis import Choice
from spark_app.tables import Rows

if TYPE_CHECKING:
    from pyspark import Broadcast

    from spark_app.numerics.pca import Basis

COORDINATES = pa.schema(
    [
        ("key", pa.string()),
        ("etag", pa.string()),
        ("label", pa.string()),
        ("pca_version", pa.string()),
        ("components", pa.list_(pa.float32())),
    ]
)


def project(features: DataFrame, basis: "Broadcast[Basis]", pca_version: str) -> DataFrame:
    """Project features on a basis.

    Parameters
    ----------
    features
        key, etag, label and features.
    basis
        Broadcast.
    pca_version
        The name of the basis.

    Returns
    -------
    DataFrame
        `COORDINATES`.
    """
    rows = features.select("key", "etag", "label", "features")
    return rows.mapInArrow(
        partial(_project_partition, basis=basis, pca_version=pca_version), from_arrow_schema(COORDINATES)
    )


def bring_up_components(start: Start, change: Change, choice: Choice | None, count: int) -> str:
    """Give every row of `features` its coordinates: all of them on another basis, or those that have changed.

    Parameters
    ----------
    start, change
        What the run found, and what it changed.
    choice
        The basis; None if there are no features.
    count
        Rows of `features`.

    Returns
    -------
    str
        What was done.
    """
    tables = start.tables
    if choice is None:
        tables.clear_components()
        return "no images"
    basis = tables.spark.sparkContext.broadcast(choice.basis)
    if not choice.kept or start.last is None:
        tables.replace_components(project(tables.spark.table(tables.features), basis, choice.version), count)
        return f"{count:,} images"
    if change.outcomes is not None and change.touches_features:
        arrived = project(change.outcomes.where("features IS NOT NULL"), basis, choice.version)
        gone = change.outcomes.where("features IS NULL AND had_features")
        rows = arrived.unionByName(gone.select("key", "etag", "label"), allowMissingColumns=True)
        tally = change.tally
        keep = "components IS NOT NULL"
        tables.commit_components(Rows(rows, keep, tally.featurised, tally.stale_features, change.stale_keys))
    return f"{change.tally.featurised:,} images"


def _project_partition(
    batches: Iterable[pa.RecordBatch], basis: "Broadcast[Basis]", pca_version: str
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        coordinates = basis.value.project(features_matrix(batch["features"])).astype(np.float32)
        yield pa.record_batch(
            [
                batch["key"],
                batch["etag"],
                batch["label"],
                pa.array([pca_version] * batch.num_rows, pa.string()),
                to_lists(coordinates),
            ],
            schema=COORDINATES,
        )
