"""Tests of the inbox."""

from pathlib import Path
from threading import Barrier

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from contract.notices import Notice, NoticeType
from spark_app.stages import inbox as inbox_stage
from spark_app.stages.inbox import acknowledge_notices, read_inbox
from spark_app.storage import Storage


def _write(root: Storage, name: str, *notices: Notice) -> None:
    root.write(f"inbox/{name}", "".join(notice.to_json() + "\n" for notice in notices).encode())


def _created(key: str, etag: str, sequencer: str | None = None) -> Notice:
    return Notice(key=key, op=NoticeType.CREATED, etag=etag, size=1, sequencer=sequencer)


def _removed(key: str, sequencer: str | None = None) -> Notice:
    return Notice(key=key, op=NoticeType.REMOVED, sequencer=sequencer)


def test_of_the_notices_of_a_key_the_last_counts(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last notice by sequencer, of any length, counts in any file and order; without one, the position decides."""
    monkeypatch.setattr(inbox_stage, "ROWS_PER_GROUP", 2)
    root = Storage(tmp_path.as_uri())
    _write(
        root, "1.jsonl", _created("a", "young", "0F"), _created("b", "1"), _removed("c", "00FF1A"), _created("d", "1")
    )
    _write(root, "2.jsonl", _created("a", "old", "0E0000"), _created("b", "2"), _created("c", "1", "01"))
    _write(root, "3.jsonl", _removed("d"), _created("a", "young", "0F"))
    inbox = read_inbox(root, "staging/run/")
    rows = {row.key: (row.action, row.etag) for row in inbox.rows(spark).collect()}
    assert rows == {
        "a": ("featurise", "young"),
        "b": ("featurise", "2"),
        "c": ("featurise", "1"),
        "d": ("check", None),
    }
    assert (inbox.notices, inbox.malformed, inbox.keys) == (9, 0, {"a", "b", "c", "d"})


def test_notices_of_files_that_are_no_images_are_counted_and_not_read(spark: SparkSession, tmp_path: Path) -> None:
    """A notice that an older `start_run` wrote of a Mac's file leads to no work."""
    root = Storage(tmp_path.as_uri())
    _write(root, "1.jsonl", _created("Plum/0.png", "1"), _created("Plum/.DS_Store", "1"), _removed("LICENSE"))
    inbox = read_inbox(root, "staging/run/")
    assert [row.key for row in inbox.rows(spark).collect()] == ["Plum/0.png"]
    assert (inbox.notices, inbox.skipped, inbox.keys) == (1, 2, {"Plum/0.png"})


def test_only_files_that_were_read_are_acknowledged(spark: SparkSession, tmp_path: Path) -> None:
    """Later files, other files and rejected lines stay, and acknowledging twice is not an error."""
    root = Storage(tmp_path.as_uri())
    root.write("inbox/rejected/0.jsonl", b"{}")
    root.write("inbox/README.txt", b"not ours")
    _write(root, "1.jsonl", _removed("a"))
    inbox = read_inbox(root, "staging/run/")
    _write(root, "2.jsonl", _removed("b"))
    assert [row.key for row in inbox.rows(spark).collect()] == ["a"]
    acknowledge_notices(root, inbox)
    acknowledge_notices(root, inbox)
    assert sorted(str(file.relative_to(tmp_path)) for file in (tmp_path / "inbox").rglob("*") if file.is_file()) == [
        "inbox/2.jsonl",
        "inbox/README.txt",
        "inbox/rejected/0.jsonl",
    ]


def test_many_notices_are_not_held_in_memory(spark: SparkSession, tmp_path: Path) -> None:
    """More than a thousand keys are staged only, and notices of many files take one group of rows."""
    root = Storage(tmp_path.as_uri())
    for file in range(100):
        _write(root, f"{file:03}.jsonl", _created(f"{file}.png", "1"))
    _write(root, "1.jsonl", *(_created(f"{number}.jpg", "1") for number in range(901)))
    inbox = read_inbox(root, "staging/run/")
    assert inbox.keys is None
    assert inbox.rows(spark).count() == 1_001
    assert pq.ParquetFile(inbox.path.removeprefix("file:")).num_row_groups == 1


def test_many_files_are_read_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No read ends before sixteen have begun: thousands of small files do not wait for each other."""
    root = Storage(tmp_path.as_uri())
    for file in range(32):
        _write(root, f"{file:02}.jsonl", _created(f"{file}.png", "1"))
    all_have_begun, read = Barrier(16), Storage.read

    def read_with_others(storage: Storage, key: str) -> bytes | None:
        all_have_begun.wait(timeout=10)  # if they are read one by one, the test fails instead of waiting forever
        return read(storage, key)

    monkeypatch.setattr(Storage, "read", read_with_others)
    assert read_inbox(root, "staging/run/").notices == 32


def test_an_empty_inbox_has_no_notices(spark: SparkSession, tmp_path: Path) -> None:
    """A missing inbox has no files and no notices."""
    inbox = read_inbox(Storage(tmp_path.as_uri()), "staging/run/")
    assert (inbox.files, inbox.rows(spark).count()) == ([], 0)
