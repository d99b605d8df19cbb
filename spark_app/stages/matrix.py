"""The matrix: every image's coordinates along the principal components of the basis."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from spark_app.stages.arrow import features_matrix, to_lists

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
