"""Tests of the featurising tasks."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from contract.rejects import Reason
from spark_app.engine.model import FILES, ExportedModel
from spark_app.settings import Engine, Limits
from spark_app.stages.features import Counters, FeatureJob, compute_features, tasks_for
from spark_app.storage import Storage


@pytest.mark.parametrize(
    ("images", "parallelism", "tasks"),
    [(1, 8, 1), (5, 2, 2), (256, 2, 2), (2000, 2, 8), (50_000, 64, 256)],
)
def test_chunks_are_cut_into_whole_waves_of_tasks(images: int, parallelism: int, tasks: int) -> None:
    """All cores are busy to the end, and no task has more images than it may hold."""
    assert tasks_for(images, parallelism) == tasks


def test_the_engine_is_built_once_per_worker_and_outcomes_are_staged(
    spark: SparkSession, exported: ExportedModel, sample: Path, tmp_path: Path
) -> None:
    """Many tasks on two workers build two engines; each image, each removal and each refusal is one staged row."""
    context = spark.sparkContext
    counters = Counters(*(context.accumulator(0) for _ in range(3)))
    payload = context.broadcast(exported.files[FILES[Engine.ONNX]])
    job = FeatureJob(
        root=Storage(tmp_path.as_uri()),
        images=Storage(sample.as_uri()),
        run_id="run",
        model_id="model",
        engine=Engine.ONNX,
        payload=payload,
        batch_size=4,
        limits=Limits(megabytes=0.02),
        counters=counters,
    )
    files = [file for file in sample.rglob("*") if file.is_file()]
    rows = [(str(file.relative_to(sample)), "1", file.stat().st_size, "featurise", False, False) for file in files]
    rows += [("gone.jpg", "1", 10, "featurise", True, False), ("removed.jpg", None, None, "remove", True, False)]
    changes = spark.createDataFrame(
        rows, "key string, etag string, size long, op string, had_features boolean, had_reject boolean"
    )
    tally = compute_features(changes, job, 12, "staged/")
    assert counters.engines.value == 2
    assert (tally.featurised, tally.rejected, tally.removed, tally.stale_features) == (60, 7, 2, 2)
    assert tally.reasons[Reason.TOO_LARGE] == 1
    assert counters.done.value == len(rows)
    staged = pq.read_table(tmp_path / "staged").to_pylist()
    assert sorted(row["key"] for row in staged) == sorted(row[0] for row in rows)
    by_key = {row["key"]: row for row in staged}
    view = by_key["Lemon Meyer/view 000.jpg"]
    assert (view["label"], view["width"], view["height"], len(view["features"])) == ("Lemon Meyer", 100, 100, 1280)
    assert by_key["Broken/empty.jpg"]["reason"] == "empty"
    assert by_key["gone.jpg"]["features"] is by_key["gone.jpg"]["reason"] is None
