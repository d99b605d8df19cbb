"""Tests of the statistics of a table, with NumPy, scikit-learn and MLlib as the oracles."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from sklearn.decomposition import PCA

from localspark.java import find_java
from spark_app.arrow import features_matrix
from spark_app.numerics.components import ComponentCount
from spark_app.numerics.pca import fit
from spark_app.settings import FEATURE_COUNT
from spark_app.stages.outcomes import OUTCOMES, staged_features
from spark_app.stages.statistics import FAN_IN, compute_statistics
from spark_app.storage import Storage

ROWS = 300


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Return features like those of a network: float32, many of them zero, of decreasing variance."""
    random = np.random.default_rng(0)
    spread = random.normal(size=(40, FEATURE_COUNT)) * 0.9 ** np.arange(40)[:, np.newaxis]
    return np.maximum(random.normal(size=(ROWS, 40)) @ spread, 0).astype(np.float32)


@pytest.fixture(scope="module")
def features(spark: SparkSession, samples: np.ndarray) -> DataFrame:
    """Return the samples as a table of one column."""
    return spark.createDataFrame([(row.tolist(),) for row in samples], "features array<float>").cache()


@pytest.mark.parametrize("partitions", [1, 3, FAN_IN, FAN_IN + 1, FAN_IN**2 + 3])
def test_partitions_and_tree_change_nothing(features: DataFrame, samples: np.ndarray, partitions: int) -> None:
    """The statistics do not depend on the partitions: one, a few, and enough for one and two levels of the tree."""
    statistics = compute_statistics(features.repartition(partitions))
    assert statistics.count == ROWS
    np.testing.assert_allclose(statistics.mean, samples.mean(axis=0, dtype=np.float64), rtol=1e-12, atol=1e-15)
    centred = samples - samples.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(statistics.scatter, centred.T @ centred, rtol=1e-9, atol=1e-9)


def test_an_empty_table_has_statistics_of_nothing(features: DataFrame) -> None:
    """A table without rows has the statistics of no vectors."""
    assert compute_statistics(features.limit(0)).count == 0


def test_the_driver_reads_what_the_tasks_have_staged(samples: np.ndarray, tmp_path: Path) -> None:
    """The driver finds each staged vector once, in files with and without refused images, and keeps out other files."""
    root = Storage(tmp_path.as_uri())
    for number, rows in enumerate([samples[:256], samples[256:], samples[:0]]):
        features = [*rows, None]  # the last image of each task was refused
        table = pa.table({"features": pa.array(features, OUTCOMES.field("features").type)})
        (tmp_path / f"staging/outcomes/{number}").mkdir(parents=True)
        pq.write_table(table, tmp_path / f"staging/outcomes/{number}/part-00000.parquet")
    (tmp_path / "staging/plan").write_text("no Parquet file")
    found = np.concatenate([features_matrix(batch.column(0)) for batch in staged_features(root, "staging/")])
    assert sorted(map(bytes, found)) == sorted(map(bytes, samples))


def test_the_pca_is_scikit_learns(features: DataFrame, samples: np.ndarray) -> None:
    """Ratios equal scikit-learn's to 1e-6, and components to 1e-4, except for their sign."""
    basis = fit(compute_statistics(features), ComponentCount(20))
    oracle = PCA(20, svd_solver="full").fit(samples.astype(np.float64))
    np.testing.assert_allclose(basis.explained_variance_ratio, oracle.explained_variance_ratio_, atol=1e-6)
    np.testing.assert_allclose(np.abs(basis.components), np.abs(oracle.components_), atol=1e-4)


MLLIB = """
import sys
import numpy as np
from pyspark.ml.feature import PCA
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
features = spark.read.parquet(f"file://{sys.argv[1]}").select(array_to_vector("features").alias("features"))
fitted = PCA(k=10, inputCol="features").fit(features)
np.savez(sys.argv[2], ratio=fitted.explainedVariance.toArray(), components=fitted.pc.toArray().T)
"""


def test_the_pca_is_mllibs(features: DataFrame, tmp_path: Path) -> None:
    """MLlib finds the same components and ratios, in a separate Spark, because local runs have no MLlib."""
    features.write.parquet(f"file://{tmp_path}/features")
    environment = {name: value for name, value in os.environ.items() if name != "SPARK_HOME"}
    subprocess.run(
        [sys.executable, "-c", MLLIB, tmp_path / "features", tmp_path / "oracle.npz"],
        env=environment | {"JAVA_HOME": str(find_java(os.environ)), "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        check=True,
    )
    oracle = np.load(tmp_path / "oracle.npz")
    basis = fit(compute_statistics(features), ComponentCount(10))
    np.testing.assert_allclose(basis.explained_variance_ratio, oracle["ratio"], atol=1e-6)
    np.testing.assert_allclose(np.abs(basis.components), np.abs(oracle["components"]), atol=1e-4)
