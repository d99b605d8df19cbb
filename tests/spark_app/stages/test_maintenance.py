"""Tests of the maintenance that needs no tables."""

from datetime import UTC, datetime
from pathlib import Path

from spark_app.stages.maintenance import remove_staged_files
from spark_app.storage import Storage


def test_old_staged_files_of_killed_runs_are_deleted(tmp_path: Path) -> None:
    """What a run before the retention has staged goes; that of a later run, and other files, stay."""
    names = ["20260101T000000Z-aaaaaa/outcomes/1.parquet", "20260301T000000Z-bbbbbb/plan/1.parquet", "mine/photo.jpg"]
    for name in names:
        file = tmp_path / "staging" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"staged")
    assert remove_staged_files(Storage(tmp_path.as_uri()), datetime(2026, 2, 1, tzinfo=UTC)) == 1
    left = sorted(str(file.relative_to(tmp_path / "staging")) for file in tmp_path.rglob("*") if file.is_file())
    assert left == sorted(names[1:])
