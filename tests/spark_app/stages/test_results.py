"""Tests of the published files."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_app.stages import results
from spark_app.stages.results import publish_matrix, publish_rejects, republish
from spark_app.storage import Storage

COORDINATES = "key string, label string, components array<float>"
KEYS = ["Açaí/🍇 1,5.jpg", 'say "cheese".jpg', "b%20c.jpg", "a.jpg", "#+.jpg"]


def _read(path: Path) -> list[list[str]]:
    body = path.read_bytes()
    text = (gzip.decompress(body) if path.suffix == ".gz" else body).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_matrix_is_a_table_in_the_order_of_the_keys(spark: SparkSession, tmp_path: Path) -> None:
    """Any key survives the CSV, a missing label is an empty field, and the numbers are those of the table."""
    rows = [(key, None if number else "fruit", [number + 0.1, -number / 3]) for number, key in enumerate(KEYS)]
    publish_matrix(spark.createDataFrame(rows, COORDINATES), Storage(tmp_path.as_uri()), "", len(rows), 2)
    header, *body = _read(tmp_path / "pca.csv")
    assert header == ["key", "label", "pc_1", "pc_2"]
    assert [row[0] for row in body] == sorted(KEYS, key=lambda key: key.encode())
    for key, label, *values in body:
        number = KEYS.index(key)
        assert label == ("" if number else "fruit")
        assert [float(value) for value in values] == pytest.approx([number + 0.1, -number / 3], abs=1e-6)


def test_a_large_matrix_is_several_compressed_files(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit of a file the parts together are the matrix, in order."""
    monkeypatch.setattr(results, "ROWS_PER_FILE", 40)
    rows = [(f"{number:03}", "fruit", [float(number)]) for number in range(100)]
    root = Storage(tmp_path.as_uri())
    publish_matrix(spark.createDataFrame(rows, COORDINATES), root, "one/", 100, 1)
    assert not (tmp_path / "one/pca.csv").exists()
    parts = sorted((tmp_path / "one/pca").iterdir())
    assert [part.name for part in parts] == [f"part-{number:05}.csv.gz" for number in range(3)]
    assert [row[0] for part in parts for row in _read(part)[1:]] == [row[0] for row in rows]


def test_tables_without_rows_are_files_with_a_header(spark: SparkSession, tmp_path: Path) -> None:
    """Who reads the results finds every file, whatever the run found."""
    root = Storage(tmp_path.as_uri())
    publish_matrix(spark.createDataFrame([], COORDINATES), root, "", 0, 0)
    publish_rejects(spark.createDataFrame([], "key string, reason string, detail string"), root, "", 0)
    assert _read(tmp_path / "pca.csv") == [["key", "label"]]
    assert _read(tmp_path / "rejects.csv") == [["key", "reason", "detail"]]


def test_a_lost_row_is_noticed(spark: SparkSession, tmp_path: Path) -> None:
    """A matrix that lacks a row of the table is not published as if it were complete."""
    frame = spark.createDataFrame([("a", "fruit", [1.0])], COORDINATES)
    with pytest.raises(RuntimeError, match="1 rows of 2"):
        publish_matrix(frame, Storage(tmp_path.as_uri()), "", 2, 1)


def test_unchanged_results_are_copied(tmp_path: Path) -> None:
    """And nothing else of the earlier run is: its summary and its cost are its own."""
    root = Storage(tmp_path.as_uri())
    for name in ("pca.csv", "rejects.csv", "explained_variance.csv", "summary.json", "run.json"):
        root.write(f"old/{name}", name.encode())
    republish(root, "old/", "new/", rows=1)
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == [
        "explained_variance.csv",
        "pca.csv",
        "rejects.csv",
    ]
