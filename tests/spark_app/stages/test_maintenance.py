"""Tests of the maintenance that needs no tables."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.documents import DocumentError
from contract.summary import Latest
from spark_app.stages.maintenance import remove_pictures, remove_staged_files
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


LAST, OLD, NEW = "20260105T000000Z-aaaaaa", "20260101T000000Z-bbbbbb", "20260301T000000Z-cccccc"
PICTURE = '<img src="data:image/webp;base64,UklGRg==" title="Plum">'


def _results(root: Path) -> None:
    for run_id in (LAST, OLD, NEW):
        folder = root / "results" / run_id
        folder.mkdir(parents=True)
        (folder / "explore.html").write_text("explorer")
        (folder / "report.html").write_text(f"Plum {PICTURE}")
    (root / "results/mine").mkdir()
    (root / "results/mine/explore.html").write_text("not of a run")
    latest = Latest(run_id=LAST, results=f"results/{LAST}/", finished_at="")
    (root / "results/latest.json").write_text(latest.to_json())


def test_old_results_lose_their_pictures(tmp_path: Path) -> None:
    """Of the runs before the retention, the explorer is deleted, and the report stays without pictures.

    The last results keep theirs, whatever their age, and so do results that are younger than the retention.
    """
    _results(tmp_path)
    root, before = Storage(tmp_path.as_uri()), datetime(2026, 2, 1, tzinfo=UTC)
    assert remove_pictures(root, before) == 1
    assert sorted(page.parent.name for page in tmp_path.glob("results/*/explore.html")) == sorted((LAST, NEW, "mine"))
    reports = {page.parent.name: page.read_text() for page in tmp_path.glob("results/*/report.html")}
    assert PICTURE in reports[LAST]
    assert PICTURE in reports[NEW]
    assert reports[OLD].startswith("Plum <img ")
    assert "base64" not in reports[OLD]
    assert remove_pictures(root, before) == 0


def test_no_pictures_are_removed_if_the_last_results_are_unknown(tmp_path: Path) -> None:
    """A damaged pointer to the last results is reported, and all pages stay as they are."""
    _results(tmp_path)
    (tmp_path / "results/latest.json").write_text("{")
    with pytest.raises(DocumentError, match=r"latest\.json"):
        remove_pictures(Storage(tmp_path.as_uri()), datetime(2026, 4, 1, tzinfo=UTC))
    assert len(list(tmp_path.glob("results/*/explore.html"))) == 4
