"""Tests of the maintenance that needs no tables."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from contract.documents import DocumentError
from contract.summary import Counts, Latest, Snapshots, Summary, WeightsSummary
from spark_app.stages.maintenance import remove_bases, remove_pictures, remove_staged_files
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


UNNAMED, NAMED, FORCE, ORPHAN, YOUNG = (f"2026010{day}T000000Z-dddddd" for day in (1, 2, 4, 6, 9))
"""Bases, of which earlier results name the second, the last results the third, and no results the others.

The fourth is of a run that failed before the last run.
"""

BEFORE = datetime(2026, 1, 8, tzinfo=UTC)

EARLIER = "results/20260103T000000Z-eeeeee/summary.json"
"""Summary of the earlier results."""


def _summary(run_id: str, basis: str | None) -> str:
    return Summary(
        run_id=run_id,
        mode="update",
        started_at="",
        finished_at="",
        model_id="model",
        engine="litert",
        weights=WeightsSummary(kind="seeded", sha256="0"),
        counts=Counts(images=2),
        pca_version=basis,
        pca=None,
        matrix=[],
        snapshots=Snapshots(features=1, components=1, rejects=None),
        timings={},
        images_per_second=None,
        settings={},
        versions={},
    ).to_json()


@pytest.fixture
def bucket(aws: str) -> Storage:  # noqa: ARG001 -- configures this process
    """Return a bucket with five bases, another folder, and the results of two runs."""
    name = f"bucket-{secrets.token_hex(4)}"
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    root = Storage(f"s3://{name}")
    _write_bases(root)
    return root


def _write_bases(root: Storage) -> None:
    for version in (UNNAMED, NAMED, FORCE, ORPHAN, YOUNG, "00-mine"):
        for file in ("basis.npz", "statistics.npz", f"matrix/{version}-00000.csv"):
            root.write(f"pca/{version}/{file}", b"numbers")
    earlier, last = "20260103T000000Z-eeeeee", "20260107T000000Z-ffffff"
    for run_id, basis in ((earlier, NAMED), (last, FORCE)):
        root.write(f"results/{run_id}/summary.json", _summary(run_id, basis).encode())
    latest = Latest(run_id=last, results=f"results/{last}/", finished_at="")
    root.write("results/latest.json", latest.to_json().encode())


def _bases(root: Storage) -> set[str]:
    keys = (key for batch in root.list_objects("pca/") for key in batch["key"].to_pylist())
    return {key.split("/")[1] for key in keys if "/matrix/" not in key}


def test_bases_that_no_results_name_are_deleted_from_a_bucket(bucket: Storage) -> None:
    """The basis in force, those of kept results, younger ones, and other folders stay, and so do files of matrices."""
    assert remove_bases(bucket, BEFORE) == 4
    assert _bases(bucket) == {NAMED, FORCE, YOUNG, "00-mine"}
    assert bucket.read(f"pca/{UNNAMED}/matrix/{UNNAMED}-00000.csv") is not None
    assert remove_bases(bucket, BEFORE) == 0


def test_a_basis_is_deleted_when_its_results_have_expired(bucket: Storage) -> None:
    """Earlier results keep their basis for as long as they exist."""
    bucket.delete([EARLIER])
    assert remove_bases(bucket, BEFORE) == 6
    assert _bases(bucket) == {FORCE, YOUNG, "00-mine"}


def test_a_basis_stays_while_any_kept_results_name_it(bucket: Storage) -> None:
    """A run may keep a basis that is older than the basis of a failed run, and outlive the run that has fitted it."""
    kept = "20260106T120000Z-eeeeee"
    bucket.delete([EARLIER])
    bucket.write(f"results/{kept}/summary.json", _summary(kept, NAMED).encode())
    remove_bases(bucket, BEFORE)
    assert _bases(bucket) == {NAMED, FORCE, YOUNG, "00-mine"}


def test_bases_are_deleted_when_all_images_are_erased(bucket: Storage) -> None:
    """The last results have no basis then, and the bases that describe erased images go with the last results."""
    bucket.delete([EARLIER])
    bucket.write("results/20260107T000000Z-ffffff/summary.json", _summary("20260107T000000Z-ffffff", None).encode())
    remove_bases(bucket, BEFORE)
    assert _bases(bucket) == {YOUNG, "00-mine"}


def test_no_basis_is_deleted_if_the_last_results_are_unknown(bucket: Storage) -> None:
    """Without a readable summary, any basis may be in force."""
    bucket.write("results/20260107T000000Z-ffffff/summary.json", b"{")
    with pytest.raises(DocumentError, match=r"summary\.json is damaged"):
        remove_bases(bucket, BEFORE)
    bucket.delete(["results/latest.json"])
    assert remove_bases(bucket, BEFORE) == 0
    assert _bases(bucket) == {UNNAMED, NAMED, FORCE, ORPHAN, YOUNG, "00-mine"}


def test_bases_in_a_folder_are_left_to_the_search_for_leftovers(tmp_path: Path) -> None:
    """In a folder, `remove_leftovers` deletes bases, and looks at the times of their files."""
    root = Storage(tmp_path.as_uri())
    _write_bases(root)
    assert remove_bases(root, BEFORE) == 0
