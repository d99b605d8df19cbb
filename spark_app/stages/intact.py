"""The check that published files are as the run that wrote them has left them."""

from collections.abc import Mapping

from contract.digest import Digest
from spark_app.run import Run
from spark_app.storage import Storage


def damaged_files(root: Storage, digests: Mapping[str, Digest | None]) -> list[str]:
    """Return the keys of the files that are missing, that differ from their digests, or that have none.

    A folder is read, which takes a second for 500 MB. Of a bucket, sizes are compared only: S3 verifies its own
    checksums, and a run would pay for reading.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if root.is_local:
        return [key for key, digest in digests.items() if _digest_of(root, key) != digest or digest is None]
    sizes = _sizes(root, {key.rpartition("/")[0] for key in digests})
    return [key for key, digest in digests.items() if digest is None or sizes.get(key) != digest.size]


def _digest_of(root: Storage, key: str) -> Digest | None:
    body = root.read(key)
    return None if body is None else Digest.of(body)


def _sizes(root: Storage, folders: set[str]) -> dict[str, int]:
    """Return the size in bytes of every object in some folders: one request per 1,000 files, not one per file."""
    batches = (batch for folder in folders for batch in root.list_objects(folder))
    return {row["key"]: row["size"] for batch in batches for row in batch.to_pylist()}


def are_intact(this: Run, digests: Mapping[str, Digest | None]) -> bool:
    """Return whether files of the last run are as it has left them, and note those that are not."""
    damaged = damaged_files(this.root, digests)
    this.notes.extend(_note_on(key) for key in damaged if digests[key])
    return not damaged


def read_intact(this: Run, key: str, digest: Digest) -> bytes | None:
    """Read a file of the last run. If it is not as the last run has left it, note that, and return `None`.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    body = this.root.read(key)
    if body is not None and Digest.of(body) == digest:
        return body
    this.notes.append(_note_on(key))
    return None


def _note_on(key: str) -> str:
    return f"{key} was damaged or missing: this run has written it again from the tables."
