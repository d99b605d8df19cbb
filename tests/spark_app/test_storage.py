"""Tests of the storage in a folder, with names that break careless handling of URLs."""

import os
from pathlib import Path

import pyarrow as pa
import pytest

from spark_app.errors import OutputError, StorageError
from spark_app.storage import Storage, Unlisted

NAMES = [
    "Apple Braeburn/r 1.jpg",
    "Açaí/é.jpg",
    "Açaí/e\u0301.jpg",
    "a+b.jpg",
    "100%.jpg",
    "a%20b.jpg",
    "#1.jpg",
    "🍎/🍏.jpg",
    "what?.jpg",
    "[x]{y}~*.jpg",
    "back\\slash.jpg",
    "'quoted\".jpg",
]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Return a folder whose own name needs encoding."""
    folder = tmp_path / "my images #1 (100%)"
    folder.mkdir()
    return Storage(folder.as_uri())


def _keys(storage: Storage, unlisted: list[Unlisted], chunk_size: int = 100) -> set[str]:
    batches = list(storage.list_objects(chunk_size=chunk_size, on_unlisted=unlisted.append))
    keys = pa.Table.from_batches(batches)["key"].to_pylist() if batches else []
    assert len(keys) == len(set(keys))
    return set(keys)


def test_any_name_survives_from_listing_to_reading(storage: Storage) -> None:
    """The key of an object is exactly the name of its file, and reads this file."""
    for name in NAMES:
        file = storage.local_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(name.encode())
    assert _keys(storage, []) == set(NAMES)
    for name in NAMES:
        fetched = storage.fetch(name)
        assert fetched is not None
        assert fetched.body == name.encode()


def test_a_name_that_cannot_be_handled_is_named_and_the_rest_is_listed(storage: Storage) -> None:
    """A file with a line break in its name is reported, and does not end the listing."""
    names = {f"{number}.jpg" for number in range(30)}
    for name in [*names, "line\nbreak.jpg"]:
        (storage.local_path / name).touch()
    unlisted: list[Unlisted] = []
    assert _keys(storage, unlisted, chunk_size=7) == names
    assert len(unlisted) == 1
    assert "line" in unlisted[0].key


def test_a_link_in_a_circle_and_a_locked_folder_do_not_end_the_listing(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be listed is named, with the reason, and everything beside it is listed."""
    for name in ("Plum/a.jpg", "Lemon/a.jpg", "Apple/a.jpg"):
        (storage.local_path / name).parent.mkdir()
        (storage.local_path / name).touch()
    (storage.local_path / "Plum/all").symlink_to("..")
    (storage.local_path / "Plum/self.jpg").symlink_to("self.jpg")
    (storage.local_path / "Plum/gone.jpg").symlink_to("nowhere")
    os.mkfifo(storage.local_path / "Plum/pipe")
    _lock("Lemon/", monkeypatch)
    unlisted: list[Unlisted] = []
    assert _keys(storage, unlisted) == {"Apple/a.jpg", "Plum/a.jpg"}
    assert {found.key: found.reason for found in unlisted} == {
        "Lemon/": "Permission denied",
        "Plum/all/": "the link leads back to a folder that contains it",
        "Plum/gone.jpg": "the target of the link does not exist, or the file was deleted",
        "Plum/pipe": "it is not a regular file",
        "Plum/self.jpg": "Too many levels of symbolic links",
    }


def test_a_folder_that_is_locked_itself_ends_the_listing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that could list nothing does not take everything for deleted."""
    (storage.local_path / "Plum").mkdir()
    _lock(storage.local_path.name + "/", monkeypatch)
    with pytest.raises(StorageError, match=r"Can't list .*: Permission denied"):
        _keys(storage, [])


def _lock(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to list a folder. Permissions would not stop root, as which tests may run."""
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith(f"/{folder}"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)


def test_a_changed_file_has_another_etag(storage: Storage) -> None:
    """The listing and the file have the same etag until the file changes."""
    file = storage.local_path / "a.jpg"
    file.write_bytes(b"one")
    (listed,) = storage.list_objects()
    first = storage.fetch("a.jpg")
    assert first is not None
    assert listed["etag"][0].as_py() == first.etag
    file.write_bytes(b"three")
    second = storage.fetch("a.jpg")
    assert second is not None
    assert second.etag != first.etag


def test_a_missing_object_is_none(storage: Storage, tmp_path: Path) -> None:
    """Reading a missing object, or from a missing folder, returns `None`."""
    assert storage.fetch("missing.jpg") is None
    assert Storage((tmp_path / "missing").as_uri()).read("latest.json") is None


def test_a_write_that_fails_in_the_middle_leaves_nothing(storage: Storage) -> None:
    """Readers see the complete object or none, and the old object stays if the write fails."""
    storage.write("results/pca.csv", b"complete")

    def fail_in_the_middle() -> None:
        with storage.open_writer("results/pca.csv") as sink:
            sink.write(b"x" * 20_000_000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    assert storage.read("results/pca.csv") == b"complete"
    assert _keys(storage, []) == {"results/pca.csv"}


def test_a_folder_is_deleted_with_all_below_it_and_nothing_else(storage: Storage) -> None:
    """Deleting a folder deletes all objects below it, and no others."""
    for key in ("staging/a/1", "staging/a/b/2", "results/3"):
        storage.write(key, b"")
    storage.delete_folder("staging/")
    assert _keys(storage, []) == {"results/3"}


def test_a_file_in_the_place_of_the_output_is_reported(tmp_path: Path) -> None:
    """An output that can not be a folder gives an error that names it."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/output"):
        Storage((tmp_path / "file/output").as_uri()).check_writable()
