"""Objects below a URL: a folder or a bucket, through one interface. The only module that knows `obstore`."""

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
import pyarrow as pa
from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError
from obstore.store import LocalStore, from_url

from contract.layout import fault_of
from spark_app.errors import OutputError, StorageError

if TYPE_CHECKING:
    from obstore import WritableFile
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import ObjectStore
    from typing_extensions import Buffer

WRITE_BUFFER = 1 << 20

LISTING_SCHEMA = pa.schema([("key", pa.string()), ("etag", pa.string()), ("size", pa.int64())])


@dataclass(frozen=True)
class FetchedObject:
    """An object as it was when it was fetched.

    Attributes
    ----------
    body
        Its bytes.
    etag
        The version that the bytes are of; it may be younger than the one that a listing named.
    """

    body: bytes
    etag: str


class Forbidden(Exception):  # noqa: N818 -- an answer of the storage, not a failure of the run
    """The storage refuses to hand out this one object."""


class TooLarge(Exception):  # noqa: N818 -- as above
    """The object is larger than what was asked for at most; its bytes were not fetched.

    Attributes
    ----------
    size
        Of the object, bytes.
    etag
        Of the version that is so large.
    """

    def __init__(self, size: int, etag: str) -> None:
        super().__init__(size, etag)
        self.size = size
        self.etag = etag


@dataclass(frozen=True)
class Storage:
    """The objects below a URL. Small and picklable: the client is made where it is used, once.

    Attributes
    ----------
    url
        Such as ``file:///home/me/images`` or ``s3://bucket/images``, percent-encoded, no slash at the end.
    """

    url: str

    @cached_property
    def _store(self) -> "ObjectStore":
        if self.is_local:
            return LocalStore(self.local_path, automatic_cleanup=True)  # no empty folders are left behind
        if self.is_bucket_of_aws:
            return from_url(self.url, credential_provider=_aws_credentials())
        return from_url(self.url)

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url}

    @property
    def is_local(self) -> bool:
        """Whether the objects are files of this machine."""
        return self.url.startswith("file:")

    @property
    def is_bucket_of_aws(self) -> bool:
        """Whether the objects are in S3."""
        return self.url.startswith("s3:")

    @property
    def local_path(self) -> Path:
        """The folder of a ``file:`` URL."""
        return Path(unquote(urlsplit(self.url).path))

    @property
    def display(self) -> str:
        """The place as its user would write it."""
        return str(self.local_path) if self.is_local else self.url

    def spark_path(self, key: str = "") -> str:
        """Name an object for Spark and Iceberg, which take the characters of a path as they are."""
        root = f"file:{self.local_path}" if self.is_local else self.url
        return f"{root}/{key}"

    def exists(self) -> bool:
        """Whether there is anything to list: for a folder, whether it is there."""
        return self.local_path.is_dir() if self.is_local else True

    def check_writable(self) -> None:
        """See that a folder can be written, or made. Buckets are found out when they are written.

        Raises
        ------
        OutputError
            If it can't.
        """
        if self.is_local:
            nearest = next(path for path in (self.local_path, *self.local_path.parents) if path.exists())
            if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
                raise OutputError(f"Can't write to {self.local_path}: {nearest} is no folder that may be written.")

    def create(self) -> None:
        """Make the folder if it is one, and is not there yet.

        Raises
        ------
        StorageError
            If it can't be made.
        """
        if self.is_local:
            try:
                self.local_path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"Can't create {self.local_path}: {error.strerror}") from error

    def list_objects(
        self, unreadable: list[str], prefix: str | None = None, chunk_size: int = 10_000
    ) -> Iterator[pa.RecordBatch]:
        """List objects, in no particular order.

        Parameters
        ----------
        unreadable
            Takes a sentence for every object whose name can't be handled (control characters, empty folder names,
            bytes that are no UTF-8): listing goes on without it.
        prefix
            Folder to list, with or without the slash at its end; everything by default.
        chunk_size
            Objects per batch, at most.

        Yields
        ------
        RecordBatch
            Of `LISTING_SCHEMA`.

        Raises
        ------
        StorageError
            If the listing fails.
        """
        if self.is_bucket_of_aws:
            yield from self._list_bucket(unreadable, prefix)
            return
        batches = iter(obstore.list(self._store, prefix, chunk_size=chunk_size, return_arrow=True))
        skipped = 0
        while True:
            try:
                batch = pa.record_batch(next(batches))
            except StopIteration:
                return
            except InvalidPathError as error:
                # The stream goes on behind such a name, but the rest of its chunk is lost: again, one at a time.
                if chunk_size > 1:
                    yield from self._list_again(unreadable, prefix, skipped)
                    return
                unreadable.append(str(error).splitlines()[0])
                continue
            except BaseError as error:
                raise StorageError(f"Can't list {self.url}: {_first_line(error)}") from error
            skipped += batch.num_rows
            yield _to_listing(batch)

    def _list_bucket(self, unreadable: list[str], prefix: str | None) -> Iterator[pa.RecordBatch]:
        """List with AWS's own client: one odd name would cost obstore the whole page of a thousand."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, root = urlsplit(self.url).netloc, urlsplit(self.url).path.strip("/")
        base = f"{root}/" if root else ""
        folder = f"{prefix.strip('/')}/" if prefix else ""
        pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=base + folder)
        try:
            for page in pages:
                found = [(item["Key"].removeprefix(base), item) for item in page.get("Contents", [])]
                # Consoles make objects that end in a slash to show empty folders.
                files = [(key, item) for key, item in found if not key.endswith("/")]
                faults = {key: fault_of(key) for key, _ in files}
                unreadable += [f"{key!r}: {fault}" for key, fault in faults.items() if fault]
                rows = [
                    {"key": key, "etag": _etag(item["ETag"]), "size": item["Size"]}
                    for key, item in files
                    if not faults[key]
                ]
                yield pa.RecordBatch.from_pylist(rows, schema=LISTING_SCHEMA)
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"Can't list {self.url}: {_first_line(error)}") from error

    def _list_again(self, unreadable: list[str], prefix: str | None, skip: int) -> Iterator[pa.RecordBatch]:
        for position, batch in enumerate(self.list_objects(unreadable, prefix, chunk_size=1)):
            if position >= skip:
                yield batch

    def fetch(self, key: str, max_bytes: float = math.inf) -> FetchedObject | None:
        """Read an object as it is now.

        Parameters
        ----------
        key
            Of the object.
        max_bytes
            Larger objects are not read.

        Returns
        -------
        FetchedObject or None
            None if there is no such object (any more).

        Raises
        ------
        Forbidden
            If the storage refuses this object.
        TooLarge
            If it is larger than `max_bytes`.
        StorageError
            If the storage fails otherwise.
        """
        try:
            answer = obstore.get(self._store, key)
            etag = _etag(answer.meta["e_tag"])
            if answer.meta["size"] > max_bytes:
                raise TooLarge(answer.meta["size"], etag)
            return FetchedObject(bytes(answer.bytes()), etag)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (BaseError, OSError) as error:
            if _is_refusal(error):
                raise Forbidden(_first_line(error)) from error
            raise StorageError(f"Can't read {self.url}/{key}: {_first_line(error)}") from error

    def find(self, key: str) -> tuple[int, str] | None:
        """Look for an object without reading it.

        Returns
        -------
        (int, str) or None
            Its size in bytes and its etag; None if there is no such object.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"look for {self.url}/{key}"):
            try:
                found = obstore.head(self._store, key)
            except (FileNotFoundError, NotADirectoryError):
                return None
            return found["size"], _etag(found["e_tag"])

    def read(self, key: str) -> bytes | None:
        """Read an object's bytes; None if there is no such object, or not even the folder.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        if not self.exists():
            return None
        try:
            found = self.fetch(key)
        except Forbidden as error:
            raise StorageError(f"Can't read {self.url}/{key}: {error}") from error
        return found.body if found else None

    def write(self, key: str, body: bytes) -> None:
        """Write an object: readers see all of it or none.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"write {self.url}/{key}"):
            obstore.put(self._store, key, body)

    @contextmanager
    def open_writer(self, key: str) -> Iterator[IO[bytes]]:
        """Open an object for writing in pieces; it appears at the end of the block, and not if the block fails.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"write {self.url}/{key}"):
            upload = obstore.open_writer(self._store, key)
            stream = io.BufferedWriter(_RawUpload(upload), WRITE_BUFFER)
            yield stream
            stream.flush()
            upload.close()

    def copy(self, source: str, target: str) -> None:
        """Copy an object; the storage does it, no byte comes here.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"copy {self.url}/{source}"):
            obstore.copy(self._store, source, target)

    def delete(self, keys: list[str]) -> None:
        """Delete objects; those that are gone already are no error.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"delete objects of {self.url}"):
            try:
                obstore.delete(self._store, keys)
            except FileNotFoundError:
                self._delete_one_by_one(keys)

    def _delete_one_by_one(self, keys: list[str]) -> None:
        for key in keys:
            with suppress(FileNotFoundError):
                obstore.delete(self._store, key)

    def delete_folder(self, prefix: str) -> None:
        """Delete everything below a prefix that ends in a slash.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"delete {self.url}/{prefix}"):
            for batch in obstore.list(self._store, prefix):
                obstore.delete(self._store, [found["path"] for found in batch])


class _RawUpload(io.RawIOBase):
    """Makes a file of an upload, for libraries that write to files. Closing it doesn't complete the upload."""

    def __init__(self, upload: "WritableFile") -> None:
        self._upload = upload

    def writable(self) -> bool:
        return True

    def write(self, data: "Buffer", /) -> int:
        return self._upload.write(bytes(data))


def _aws_credentials() -> "Boto3CredentialProvider":
    """Find credentials as all of AWS's own tools do; obstore's own search knows fewer places to look."""
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return Boto3CredentialProvider()
    except ValueError as error:
        raise StorageError("There are no AWS credentials here: see `aws configure`, or AWS_PROFILE.") from error


@contextmanager
def _storage_errors(doing: str) -> Iterator[None]:
    """Say in an error of ours what couldn't be done, and why."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageError(f"Can't {doing}: {_first_line(error)}") from error


def _to_listing(batch: pa.RecordBatch) -> pa.RecordBatch:
    etags = pa.array([_etag(etag) for etag in batch["e_tag"].to_pylist()], pa.string())
    return pa.record_batch([batch["path"], etags, batch["size"].cast(pa.int64())], schema=LISTING_SCHEMA)


def _etag(etag: str | None) -> str:
    """Strip the quotes that HTTP wraps an etag in: S3's events come without them."""
    return (etag or "").strip('"')


def _is_refusal(error: Exception) -> bool:
    # A folder's refusal comes as a general error that only names its cause.
    return isinstance(error, PermissionError | PermissionDeniedError) or "PermissionDenied" in str(error)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
