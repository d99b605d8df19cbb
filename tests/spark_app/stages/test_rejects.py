"""Tests of the refused images in the results."""

import csv
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_app.stages.rejects import publish_rejects
from spark_app.storage import Storage

ROWS = "key string, reason string, detail string"


@pytest.mark.parametrize("rows", [[], [('b, "2"', "empty", "0 bytes"), ("ä", "corrupt", ""), ("a", "empty", "")]])
def test_the_refused_images_are_a_table_in_the_order_of_the_keys(
    spark: SparkSession, tmp_path: Path, rows: list[tuple[str, ...]]
) -> None:
    """The file has a header even if no image was refused, so that readers find every file."""
    publish_rejects(spark.createDataFrame(rows, ROWS), Storage(tmp_path.as_uri()), "run/")
    with (tmp_path / "run/rejects.csv").open(encoding="utf-8", newline="") as file:
        header, *body = csv.reader(file)
    assert header == ["key", "reason", "detail"]
    assert [tuple(row) for row in body] == sorted(rows)
