"""Tests of the requests that a task sends to the storage."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from spark_app.engine.model import ExportedModel
from spark_app.stages.features import CHANGE_COLUMNS, _run_task
from spark_app.storage import Storage
from tests.aws_environment import use_aws_at
from tests.object_server import object_server
from tests.spark_app.stages.test_features import _job


def _planned(names: list[str]) -> pa.RecordBatch:
    rows = [(name, "1", 5000, "featurise", False, False, None, None, None) for name in names]
    return pa.RecordBatch.from_pylist([dict(zip(CHANGE_COLUMNS, row, strict=True)) for row in rows])


def test_an_image_costs_one_get_and_all_tasks_share_a_client(
    spark: SparkSession, exported: ExportedModel, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task reads each image with one GET, without HEAD; the next task neither connects nor asks for credentials."""
    (tmp_path / "buckets" / "one-get-per-image").mkdir(parents=True)
    (tmp_path / "buckets" / "one-get-per-image" / "images").symlink_to(sample)
    names = [f"Plum/view 00{number}.jpg" for number in range(6)]
    with object_server(tmp_path / "buckets") as (url, counts):
        use_aws_at(url, monkeypatch)
        job = _job(spark, exported, Storage("s3://one-get-per-image/images"), tmp_path)
        list(_run_task([_planned(names[:3])], job, "staged/1/"))
        monkeypatch.setattr("spark_app.storage.from_url", None)  # a second client would fail
        job = replace(job, settings=replace(job.settings))
        list(_run_task([_planned(names[3:])], job, "staged/2/"))
    assert counts == {"GET": len(names)}
    assert job.counters.done.value == len(names)
    assert job.counters.refused.value == 0
