"""Tests of runs whose clock was set back since the last run."""

import io
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.errors import IllegalArgumentException
from pyspark.sql import SparkSession

from contract.runs import Mode
from contract.summary import Summary
from spark_app.pipeline import maintain
from spark_app.progress import PlainReporter
from spark_app.settings import RunSettings
from spark_app.table_times import last_time, with_times_until
from spark_app.tables import Tables

DAY = timedelta(days=1)
NOTE = "the clock was set back"


def _shift(output: Path, ahead: timedelta) -> None:
    """Change all tables as if the clock had been ahead when they were written."""
    milliseconds = int(ahead.total_seconds() * 1000)
    for file in output.glob("tables/*/*/metadata/*.metadata.json"):
        document = json.loads(file.read_bytes())
        document["last-updated-ms"] += milliseconds
        for entry in [*document["snapshots"], *document["snapshot-log"], *document["metadata-log"]]:
            entry["timestamp-ms"] += milliseconds
        file.write_text(json.dumps(document))
        file.with_name(f".{file.name}.crc").unlink(missing_ok=True)  # the checksum of the file before


def test_a_clock_that_was_ahead_stops_no_run(
    images: Path, output: Path, run_pipeline: Callable[..., Summary], session_at: Callable[[Path], SparkSession]
) -> None:
    """After runs whose clock was a day ahead, runs of all modes go on at once, with the same rows, and say so."""
    whole = run_pipeline().counts
    _shift(output, DAY)
    (images / "Plum/view 000.jpg").unlink()
    updated = run_pipeline()
    assert updated.counts.images == whole.images - 1
    assert [note for note in updated.notes if NOTE in note]
    assert not [note for note in run_pipeline().notes if NOTE in note]

    _shift(output, DAY)
    shutil.copy(images / "Plum/view 001.jpg", images / "Plum/view 000.jpg")
    rebuilt = run_pipeline(mode=Mode.REPROCESS)
    assert rebuilt.counts.images == whole.images
    assert [note for note in rebuilt.notes if NOTE in note]

    _shift(output, DAY)
    told = io.StringIO()
    settings = RunSettings(images=images.as_uri(), output=output.as_uri(), mode=Mode.MAINTAIN, retention_days=0.0)
    maintain(settings, PlainReporter(told), {})
    assert NOTE in told.getvalue()
    tables = Tables(session_at(output), settings.catalog.database)
    for table in tables.iceberg.values():
        assert tables.spark.sql(f"SELECT * FROM {table.name}.snapshots").count() == 1  # the retention counts from now
        assert table.last_time() <= datetime.now(UTC)


def test_iceberg_refuses_commits_of_a_clock_that_was_set_back(tables: Tables) -> None:
    """If Iceberg accepts such commits one day, `correct_times` is superfluous."""
    table = tables.iceberg[next(iter(tables.iceberg))]
    table.begin_branch("main")
    described = tables.spark.sql(f"DESCRIBE EXTENDED {table.name}").where("col_name = 'Location'").first()
    assert described
    _shift(Path(described.data_type.removeprefix("file:")).parents[2], DAY)
    with pytest.raises(IllegalArgumentException, match="Expected sorted snapshot log entries"):
        table.begin_branch("main")


def test_times_are_cut_off_and_nothing_else_changes() -> None:
    """Later times become the latest allowed one, earlier ones stay, and the present file becomes a previous one."""
    present = {
        "last-updated-ms": 30,
        "location": "/t",
        "snapshots": [{"snapshot-id": 1, "timestamp-ms": 10}, {"snapshot-id": 2, "timestamp-ms": 30}],
        "snapshot-log": [{"snapshot-id": 1, "timestamp-ms": 10}, {"snapshot-id": 2, "timestamp-ms": 30}],
        "metadata-log": [{"metadata-file": "v1", "timestamp-ms": 10}],
    }
    assert last_time(present) == 30
    assert with_times_until(present, 20, "v2") == {
        "last-updated-ms": 20,
        "location": "/t",
        "snapshots": [{"snapshot-id": 1, "timestamp-ms": 10}, {"snapshot-id": 2, "timestamp-ms": 20}],
        "snapshot-log": [{"snapshot-id": 1, "timestamp-ms": 10}, {"snapshot-id": 2, "timestamp-ms": 20}],
        "metadata-log": [
            {"metadata-file": "v1", "timestamp-ms": 10},
            {"metadata-file": "v2", "timestamp-ms": 20},
        ],
    }
