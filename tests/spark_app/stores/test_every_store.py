"""Promises that the storage keeps wherever it is: in a folder, in S3, in Google Cloud Storage, in Azure."""

import pickle
from collections.abc import Callable

import pyarrow as pa
import pytest

from spark_app.errors import StorageError
from spark_app.storage import Storage, TooLarge, Unlisted
from tests.spark_app.test_storage import NAMES


def _listed(storage: Storage, unlisted: list[Unlisted], prefix: str | None = None) -> dict[str, str]:
    batches = list(storage.list_objects(prefix, on_unlisted=unlisted.append))
    rows = [row for batch in batches for row in batch.to_pylist()]
    return {row["key"]: row["etag"] for row in rows}


def test_any_name_survives_from_listing_to_reading(storage: Storage) -> None:
    """The key of an object is exactly its name, and the listing, a look and a reading give the same version."""
    # Azure takes a backslash for a slash.
    names = [name for name in NAMES if storage.other_store != "az" or "\\" not in name]
    for name in names:
        storage.write(name, name.encode())
    listed = _listed(storage, [])
    assert set(listed) == set(names)
    for name in names:
        fetched = storage.fetch(name)
        assert fetched is not None
        assert (fetched.body, fetched.etag) == (name.encode(), listed[name])
        assert storage.find(name) == (len(name.encode()), listed[name])


def test_another_content_has_another_version(storage: Storage) -> None:
    """A run notices that an object was replaced, also by one of the same size."""
    storage.write("a.jpg", b"one")
    before = _listed(storage, [])
    storage.write("a.jpg", b"two")
    assert _listed(storage, [])["a.jpg"] != before["a.jpg"]


def test_a_listing_is_limited_to_a_folder(storage: Storage) -> None:
    """A prefix is a folder: objects whose names only begin alike are not listed."""
    for name in ("Apple/1.jpg", "Apple Red/2.jpg", "Plum/3.jpg"):
        storage.write(name, b"1")
    assert set(_listed(storage, [], "Apple")) == {"Apple/1.jpg"}
    assert _listed(storage, [], "App") == {}


@pytest.mark.parametrize("odd", ["x//empty.jpg", "a\x01b.jpg", "a/../b.jpg"])
def test_a_name_that_cannot_be_handled_does_not_end_the_listing(
    odd: str, storage: Storage, put: Callable[[str], None]
) -> None:
    """Such an object is named with the reason, folder markers are skipped, and all others are listed."""
    if storage.other_store == "az" and odd != "x//empty.jpg":
        pytest.skip("the emulator takes no such names: it can't list a control character, and resolves ..")
    storage.write("Apple/1.jpg", b"1")
    put("Folder/")
    put(odd)
    unlisted: list[Unlisted] = []
    assert set(_listed(storage, unlisted)) == {"Apple/1.jpg"}
    assert [found.key for found in unlisted] == [odd]


def test_a_missing_object_is_no_error(storage: Storage) -> None:
    """Finding and reading a missing object returns `None`, and deleting it succeeds."""
    assert storage.find("gone.jpg") is None
    assert storage.fetch("gone.jpg") is None
    assert storage.read("gone.jpg") is None
    storage.write("here.jpg", b"1")
    storage.delete(["gone.jpg", "here.jpg", "gone.jpg"])
    assert _listed(storage, []) == {}


def test_a_worker_gets_the_same_storage(storage: Storage) -> None:
    """A pickled storage contains neither a connection nor a secret, and handles objects of any size."""
    with storage.open_writer("large.bin") as sink:
        sink.writelines(b"x" * 1_000_000 for _ in range(12))
    document = pickle.dumps(storage)
    assert document.count(storage.url.encode()) == 1
    assert len(document) < len(storage.url) + 200
    copy: Storage = pickle.loads(document)  # noqa: S301 -- pickled above
    copy.copy("large.bin", "copy.bin")
    assert copy.read("copy.bin") == b"x" * 12_000_000
    with pytest.raises(TooLarge):
        copy.fetch("copy.bin", max_bytes=1e6)


def test_a_part_of_an_object_is_read(storage: Storage) -> None:
    """Libraries that read files read pieces of objects."""
    storage.write("numbers", bytes(range(100)))
    assert storage.read_range("numbers", 10, 3) == bytes([10, 11, 12])
    with storage.open_reader("numbers") as stream:
        stream.seek(-2, 2)
        assert stream.read() == bytes([98, 99])
    with pytest.raises(FileNotFoundError):
        storage.open_reader("gone")


def test_a_write_that_fails_in_the_middle_leaves_the_old_object(storage: Storage) -> None:
    """Readers see the complete object or none: `results/latest.json` and the files that it leads to rely on it."""
    storage.write("pca.csv", b"complete")

    def fail_in_the_middle() -> None:
        with storage.open_writer("pca.csv") as sink:
            sink.write(b"x" * 20_000_000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    assert storage.read("pca.csv") == b"complete"
    assert set(_listed(storage, [])) == {"pca.csv"}


def test_a_folder_is_deleted_with_all_below_it_and_nothing_else(storage: Storage) -> None:
    """Deleting a folder deletes all objects below it, and no others."""
    for key in ("staging/a/1", "staging/a/b/2", "staging2/3", "results/3"):
        storage.write(key, b"1")
    storage.delete_folder("staging/")
    assert set(_listed(storage, [])) == {"staging2/3", "results/3"}


def test_a_listing_has_the_sizes(storage: Storage) -> None:
    """Sizes are those of the bytes: a run plans its memory with them."""
    storage.write("a", b"123")
    (batch,) = [batch for batch in storage.list_objects() if batch.num_rows]
    assert batch.schema.field("size").type == pa.int64()
    assert batch["size"].to_pylist() == [3]


def test_a_missing_bucket_is_reported(storage: Storage) -> None:
    """A wrong name of a bucket gives a sentence that names it."""
    if storage.is_local:
        pytest.skip("a missing folder has no objects: a run checks it before")
    scheme = storage.url.partition(":")[0]
    with pytest.raises(StorageError, match=f"Can't list {scheme}://no-such-bucket-here"):
        list(Storage(f"{scheme}://no-such-bucket-here/x").list_objects())
