"""Tests of the refused images in the results."""

import csv
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_app.stages.rejects import publish_rejects
from spark_app.storage import Storage

ROWS = "key string, reason string, detail string"


def test_a_name_that_a_spreadsheet_would_execute_is_text(spark: SparkSession, tmp_path: Path) -> None:
    """An apostrophe precedes a name that begins like a formula; no other name changes."""
    names = ["=cmd|' /C calc'!A0", "+1.jpg", "-1.jpg", "@SUM(A1).jpg", "\uff1d1.jpg", "a=b.jpg", "'=.jpg", "[/b].jpg"]
    rows = [(name, "empty", "") for name in names]
    publish_rejects(spark.createDataFrame(rows, ROWS), Storage(tmp_path.as_uri()), "run/")
    with (tmp_path / "run/rejects.csv").open(encoding="utf-8", newline="") as file:
        _, *body = csv.reader(file)
    assert sorted(row[0] for row in body) == sorted([f"'{name}" for name in names[:5]] + names[5:])


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
