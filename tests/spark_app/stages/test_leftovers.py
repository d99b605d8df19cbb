"""Tests of the deletion of what killed runs leave."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.summary import Summary
from spark_app.stages.leftovers import remove_leftovers
from spark_app.storage import Storage

OLD = datetime.now(UTC) - timedelta(days=30)
RUN = "20260101T000000Z-aaaaaa"
LATE = datetime.now(UTC) + timedelta(days=1)

OURS = (
    f"results/{RUN}/pca.csv",
    f"results/{RUN}/summary.json#1",
    "results/latest.json#2",
    f"pca/{RUN}/basis.npz",
    f"pca/{RUN}/statistics.npz#1",
    f"pca/{RUN}/matrix/{RUN}-00003.csv#1",
    "models/mobilenetv2-0123456789ab/model.tflite",
    "models/mobilenetv2-0123456789ab/model.json#1",
    f"inbox/{RUN}.jsonl#1",
    f"staging/{RUN}/listing.parquet#1",
    "tables/fruits/features/metadata/.v9.metadata.json.crc",
)
THEIRS = (
    "results/photo.jpg#1",
    "results/thesis/pca.csv",
    f"results/{RUN}/run.json",
    f"results/{RUN}/notes.txt",
    "models/mine/model.tflite",
    "pca/mine/basis.npz",
    "staging/thesis/summary.json#1",
    "tables/fruits/mine/data/.a.crc",
    "tables/fruits/features/metadata/v8.metadata.json",
    "tables/fruits/features/metadata/.v8.metadata.json.crc",
    "summary.json#1",
)


def _make(output: Path, *names: str) -> None:
    for name in names:
        file = output / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
        os.utime(file, (OLD.timestamp(), OLD.timestamp()))


def _files(output: Path) -> set[str]:
    return {str(file.relative_to(output)) for file in output.rglob("*") if file.is_file()}


def test_all_kinds_of_leftovers_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    """Half-written files, models without a card, results without a summary and their basis go; other files stay."""
    _make(tmp_path, *OURS, *THEIRS)
    assert remove_leftovers(Storage(tmp_path.as_uri()), OLD + timedelta(days=1)) == len(OURS)
    assert _files(tmp_path) == set(THEIRS)
    assert not (tmp_path / "models/mobilenetv2-0123456789ab").exists()


def test_leftovers_within_the_retention_stay(tmp_path: Path) -> None:
    """What is younger than the retention stays: the time of a file counts, and the id of a run for what it staged."""
    _make(tmp_path, *OURS)
    before = datetime(2025, 12, 31, tzinfo=UTC)
    assert remove_leftovers(Storage(tmp_path.as_uri()), before) == 0
    assert _files(tmp_path) == set(OURS)


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A file in a folder to which a link in the output points is not deleted."""
    elsewhere = tmp_path / "elsewhere"
    _make(elsewhere, "summary.json#1", f"{RUN}/pca.csv", f"{RUN}/listing.parquet")
    output = tmp_path / "output"
    output.mkdir()
    for name in ("results", "staging", "pca", "models"):
        (output / name).symlink_to(elsewhere)
    assert remove_leftovers(Storage(output.as_uri()), LATE) == 0
    assert len(_files(elsewhere)) == 3


def test_complete_results_and_all_that_they_use_stay(output: Path, run_pipeline: Callable[..., Summary]) -> None:
    """Nothing of complete runs is a leftover, and nothing at all is one if it is unknown what the last run uses."""
    run_pipeline()
    run_pipeline()
    before = _files(output)
    assert remove_leftovers(Storage(output.as_uri()), LATE) == 0
    assert _files(output) == before
    summary = output / "results" / run_pipeline().run_id / "summary.json"
    summary.write_bytes(b"{")
    before = _files(output)
    assert remove_leftovers(Storage(output.as_uri()), LATE) == 0
    assert _files(output) == before


def _die_amid_a_write(url: str, key: str) -> None:
    with Storage(url).open_writer(key) as stream:
        stream.write(bytes(50_000_000))
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("key", ["results/latest.json", f"staging/{RUN}/listing.parquet"])
def test_a_kill_amid_a_write_leaves_what_is_deleted(tmp_path: Path, key: str) -> None:
    """A killed process leaves a file under another name, which the listing omits and `maintain` deletes."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_die_amid_a_write, args=(tmp_path.as_uri(), key))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert _files(tmp_path) == {f"{key}#1"}
    assert remove_leftovers(Storage(tmp_path.as_uri()), LATE) == 1
    assert _files(tmp_path) == set()
