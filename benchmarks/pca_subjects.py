"""One subject of `benchmarks.pca`: `python -m benchmarks.pca_subjects NAME FOLDER COMPONENTS FILE` writes its answer.

The modules of a subject are imported in its functions: no other subject needs them.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from localspark.plain_spark import use_plain_spark
from spark_app.arrow import FloatMatrix, features_matrix

OURS = "this pipeline"


@dataclass(frozen=True)
class Answer:
    """What a subject needs, in seconds, and the variance along each of its components."""

    fit: float
    projection: float
    variances: list[float]


def ours(folder: Path, k: int) -> Answer:
    """Measure this pipeline."""
    from localspark.session import local_session_conf
    from spark_app.numerics.components import ComponentCount
    from spark_app.numerics.pca import fit
    from spark_app.session import open_session
    from spark_app.settings import RunSettings
    from spark_app.stages.projection import project
    from spark_app.stages.statistics import compute_statistics

    with tempfile.TemporaryDirectory() as scratch:
        settings = RunSettings(images=folder.as_uri(), output=Path(scratch).as_uri())
        with (
            local_session_conf("local[*]", Path(scratch) / "log") as conf,
            open_session(settings, conf) as spark,
        ):
            features = spark.read.parquet(str(folder))
            features.count()  # Spark has started when it has answered a query
            start = time.perf_counter()
            basis = fit(compute_statistics(features), ComponentCount(k))
            fitted = time.perf_counter()
            broadcast = spark.sparkContext.broadcast(basis)
            project(features, broadcast, "v").write.format("noop").mode("overwrite").save()
            return Answer(fitted - start, time.perf_counter() - fitted, basis.explained_variance.tolist())


def mllib(folder: Path, k: int) -> Answer:
    """Measure MLlib. Local runs of the pipeline use a Spark without it, so this is PySpark's own."""
    use_plain_spark()
    from pyspark.ml.feature import PCA
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import col

    conf = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.memory": "8g"}
    builder = SparkSession.Builder().master("local[*]")
    for name, value in conf.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    features = spark.read.parquet(str(folder)).select("key", array_to_vector(col("features")).alias("features"))
    features.count()  # Spark has started when it has answered a query
    start = time.perf_counter()
    model = PCA(k=k, inputCol="features", outputCol="components").fit(features)
    fitted = time.perf_counter()
    model.transform(features).select("key", "components").write.format("noop").mode("overwrite").save()
    projected = time.perf_counter()
    shares = model.explainedVariance.toArray()
    spark.stop()
    total = float(_read(folder).var(axis=0, dtype=np.float64, ddof=1).sum())
    return Answer(fitted - start, projected - fitted, (shares * total).tolist())


def scikit_learn(solver: str) -> Callable[[Path, int], Answer]:
    """Return the function that measures `PCA` with a solver."""

    def measure(folder: Path, k: int) -> Answer:
        from sklearn.decomposition import PCA  # type: ignore[import-untyped]  # scikit-learn has no types

        return _measured(
            PCA(k, svd_solver=solver, copy=False, random_state=0), folder, lambda pca: pca.fit(_read(folder))
        )

    return measure


def incremental(folder: Path, k: int) -> Answer:
    """Measure `IncrementalPCA`."""
    from sklearn.decomposition import IncrementalPCA

    def fit(pca: Any) -> None:  # noqa: ANN401 -- scikit-learn has no types
        for batch in _batches(folder):
            pca.partial_fit(batch)

    return _measured(IncrementalPCA(k, copy=False), folder, fit)


def _measured(pca: Any, folder: Path, fit: Callable[[Any], object]) -> Answer:  # noqa: ANN401 -- scikit-learn has no types
    start = time.perf_counter()
    fit(pca)
    fitted = time.perf_counter()
    for batch in _batches(folder):
        pca.transform(batch)
    return Answer(fitted - start, time.perf_counter() - fitted, pca.explained_variance_.tolist())


def _batches(folder: Path) -> Iterator[FloatMatrix]:
    """Yield the features of each file."""
    for file in sorted(folder.glob("*.parquet")):
        yield features_matrix(pq.read_table(file, columns=["features"])["features"].combine_chunks())


def _read(folder: Path) -> FloatMatrix:
    return np.concatenate(list(_batches(folder)))


SUBJECTS: dict[str, Callable[[Path, int], Answer]] = {
    OURS: ours,
    "MLlib": mllib,
    "PCA, randomized": scikit_learn("randomized"),
    "PCA, covariance_eigh": scikit_learn("covariance_eigh"),
    "PCA, full": scikit_learn("full"),
    "IncrementalPCA": incremental,
}
"""Subjects by their names in the results."""


if __name__ == "__main__":
    name, folder, components, file = sys.argv[1:]
    Path(file).write_text(json.dumps(asdict(SUBJECTS[name](Path(folder), int(components)))))
