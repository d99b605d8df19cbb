"""Tests of the featurising tasks."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from contract.rejects import Reason
from spark_app.engine.model import FILES, ExportedModel
from spark_app.errors import TooManyRejectsError
from spark_app.settings import Engine, Limits
from spark_app.stages.features import Counters, FeatureJob, Tally, compute_features, map_ahead, tasks_for
from spark_app.storage import Storage


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return a pool of four threads."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_results_come_in_order_however_long_each_takes(pool: ThreadPoolExecutor) -> None:
    """The first item is held back until others are done, and still comes first."""
    others_done = threading.Barrier(4)

    def work(item: int) -> int:
        if item < 4:
            others_done.wait(timeout=30)
        return item * item

    assert list(map_ahead(work, range(20), pool, ahead=8)) == [item * item for item in range(20)]


@given(weights=st.lists(st.integers(0, 120), max_size=30), ahead=st.integers(1, 6))
def test_no_more_is_under_way_than_allowed(weights: list[int], ahead: int) -> None:
    """Neither in number nor in weight, but for a single item that is heavier than the budget."""
    budget = 100
    under_way: list[int] = []

    class Recorder(ThreadPoolExecutor):
        def submit(self, function, item):  # type: ignore[no-untyped-def,override]  # noqa: ANN001, ANN202
            under_way.append(item)
            assert len(under_way) <= ahead
            assert sum(under_way) <= budget or len(under_way) == 1
            return super().submit(function, item)

    with Recorder(1) as pool:
        for item in map_ahead(int, weights, pool, ahead=ahead, weight=int, budget=budget):
            assert under_way.pop(0) == item
    assert under_way == []


@pytest.mark.parametrize(
    ("images", "parallelism", "tasks"),
    [(1, 8, 1), (5, 2, 2), (256, 2, 2), (2000, 2, 8), (50_000, 64, 256)],
)
def test_chunks_are_cut_into_whole_waves_of_tasks(images: int, parallelism: int, tasks: int) -> None:
    """All cores are busy to the end, and no task has more images than it may hold."""
    assert tasks_for(images, parallelism) == tasks


@pytest.mark.parametrize(
    ("tally", "fails"),
    [
        (Tally(featurised=0, rejected=19), False),
        (Tally(featurised=0, rejected=20), True),
        (Tally(featurised=30, rejected=30), False),
        (Tally(featurised=30, rejected=31), True),
    ],
)
def test_a_run_fails_when_the_cause_is_hardly_the_images(tally: Tally, fails: bool) -> None:  # noqa: FBT001
    """More than half refused, and twenty at least; a handful of broken files never fails a run."""
    if fails:
        with pytest.raises(TooManyRejectsError, match="--max-reject-rate"):
            tally.check(0.5)
    else:
        tally.check(0.5)


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
