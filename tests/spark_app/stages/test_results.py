"""Tests of the small files of the results."""

import csv
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from contract.layout import LATEST
from contract.summary import Latest
from spark_app.stages.results import Refusals, ReportData, SampledImage, load_last_run, publish_rejects
from spark_app.storage import Storage

REJECTS = "key string, reason string, detail string"


def _read(path: Path) -> list[list[str]]:
    return list(csv.reader(path.open(encoding="utf-8", newline="")))


@pytest.mark.parametrize("rows", [[], [('b, "2"', "empty", "0 bytes"), ("ä", "corrupt", ""), ("a", "empty", "")]])
def test_the_refused_are_a_table_in_the_order_of_the_keys(
    spark: SparkSession, tmp_path: Path, rows: list[tuple[str, ...]]
) -> None:
    """With a header where nothing was refused: who reads the results finds every file."""
    publish_rejects(spark.createDataFrame(rows, REJECTS), Storage(tmp_path.as_uri()), "run/")
    header, *body = _read(tmp_path / "run/rejects.csv")
    assert header == ["key", "reason", "detail"]
    assert [tuple(row) for row in body] == sorted(rows)


def test_the_numbers_behind_the_report_survive_their_file() -> None:
    """The next run goes on from exactly what the last one wrote."""
    refusals = Refusals({"empty": 2, "corrupt": 1}, [("é", "empty", "0 bytes")])
    data = ReportData([2.5, 0.1], [0.9], 0.25, [SampledImage("k", None, 0.5, -1.0)], refusals)
    assert ReportData.from_json(data.to_json()) == data
    assert refusals.count == 3


@pytest.mark.parametrize("summary", [None, b"{}", b"no JSON", b"[1]"])
def test_a_last_run_that_can_not_be_read_is_none(tmp_path: Path, summary: bytes | None) -> None:
    """Results of another version, or that somebody has deleted: everything is made anew, nothing fails."""
    root = Storage(tmp_path.as_uri())
    root.write(LATEST, Latest(run_id="r", results="results/r/", finished_at="").to_json().encode())
    if summary is not None:
        root.write("results/r/summary.json", summary)
        root.write("results/r/report.json", summary)
    assert load_last_run(root) is None
