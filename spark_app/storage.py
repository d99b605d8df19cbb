"""Storage of objects in a folder or a bucket, behind one interface.

No other module uses `obstore`, except that the modules of two stores create its providers of credentials.
"""

import io
import itertools
import math
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import obstore
import pyarrow as pa
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, PreconditionError
from obstore.store import LocalStore, S3Store, from_url

from contract.digest import Digest
from contract.layout import fault_of
from spark_app import azure_storage, google_storage
from spark_app.errors import SettingsError, StorageError
from spark_app.listed import ListedObject
from spark_app.local_files import walk
from spark_app.place import Place
from spark_app.pulse import PULSE

if TYPE_CHECKING:
    import boto3
    from obstore import ObjectMeta, PutMode, PutResult, WritableFile
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import ObjectStore
    from typing_extensions import Buffer


class _OtherStore(Protocol):
    """What a module knows of a store outside of AWS."""

    def client_options(self) -> dict[str, Any]: ...
    def pages(self, bucket: str, prefix: str, /) -> Iterator[list[ListedObject]]: ...
    def spark_root(self, bucket: str, folder: str, /) -> str: ...
    def hadoop_settings(self) -> dict[str, str]: ...
    def hadoop_secrets(self) -> dict[str, str]: ...


OTHER_STORES: dict[str, _OtherStore] = {"gs": google_storage, "az": azure_storage}
"""Scheme of the URLs of a store outside of AWS → the module that knows it."""

WRITE_BUFFER = 1 << 20

CREDENTIALS_LAST = timedelta(minutes=10)
"""Time for which a client keeps credentials. boto3 renews them while they are valid for ten more minutes at least."""

WRITE_TIMEOUT = timedelta(minutes=5)
"""Limit of one request of `writer_to`, for many requests at once on a slow line."""

LISTING_SCHEMA = pa.schema([("key", pa.string()), ("etag", pa.string()), ("size", pa.int64())])


@dataclass(frozen=True)
class FetchedObject:
    """An object as it was when the storage returned it."""

    body: bytes
    etag: str
    """Version of the bytes, which may be newer than the version in an earlier listing. In Google's store, the
    generation: the two interfaces of Google, of which one lists and one reads, have different etags."""


@dataclass(frozen=True)
class Unlisted:
    """An object that a listing omits, or a folder whose objects it omits."""

    key: str
    """Key of the object as well as text can represent it. That of a folder ends in a slash."""
    reason: str

    def __str__(self) -> str:
        return f"{self.key!r}: {self.reason}"


class Forbidden(Exception):  # noqa: N818 -- an answer of the storage, not a failure of the run
    """The storage denies access to one object."""


class TooLarge(Exception):  # noqa: N818 -- an answer of the storage, not a failure of the run
    """The object has more bytes than the caller accepts, and was not fetched."""

    def __init__(self, size: int, etag: str) -> None:
        super().__init__(size, etag)
        self.size = size
        self.etag = etag


@dataclass(frozen=True)
class Storage(Place):
    """The objects of a place. A copy in another process uses a client of that process."""

    @cached_property
    def _store(self) -> "ObjectStore":
        if self.is_local:
            return LocalStore(self.local_path, automatic_cleanup=True)  # removes empty folders
        try:
            return _client_of(self.url, self.other_store, os.getpid())
        except BaseError as error:
            raise SettingsError(f"{self.url} can't be used: {_first_line(error)}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url}

    def spark_path(self, key: str = "") -> str:
        """Return the path of an object for Spark and Iceberg, which do not decode percent-encoding."""
        if self.other_store:
            return OTHER_STORES[self.other_store].spark_root(*self.bucket_path) + key
        root = f"file:{self.local_path}" if self.is_local else self.url
        return f"{root}/{key}"

    def list_objects(
        self,
        prefix: str | None = None,
        chunk_size: int = 10_000,
        on_unlisted: Callable[[Unlisted], None] = lambda _: None,
    ) -> Iterator[pa.RecordBatch]:
        """List objects, in no particular order.

        Parameters
        ----------
        prefix
            Folder to list, with or without the slash at its end; `None` for all objects.
        chunk_size
            Maximum number of objects per batch.
        on_unlisted
            Called for every object that the listing omits: its name can't be handled (control characters, empty
            folder names, bytes that are not UTF-8), or it is no regular file. Called, too, for every subfolder that
            can't be read, or that a link makes a part of itself.

        Yields
        ------
        RecordBatch
            Rows of `LISTING_SCHEMA`.

        Raises
        ------
        StorageError
            If the listing fails.
        """
        if self.is_local:
            yield from self._list_folder(prefix, chunk_size, on_unlisted)
        else:
            yield from self._list_bucket(prefix, on_unlisted)

    def _list_folder(
        self, prefix: str | None, chunk_size: int, on_unlisted: Callable[[Unlisted], None]
    ) -> Iterator[pa.RecordBatch]:
        """List without obstore, whose listing ends at the first folder that can't be read or that contains itself."""
        folder = f"{prefix.strip('/')}/" if prefix else ""
        if not (self.local_path / folder).is_dir():
            return
        files = _files_of(self.local_path, folder, on_unlisted)
        while rows := list(itertools.islice(files, chunk_size)):
            PULSE.beat()
            yield pa.RecordBatch.from_pylist(rows, schema=LISTING_SCHEMA)

    def _list_bucket(self, prefix: str | None, on_unlisted: Callable[[Unlisted], None]) -> Iterator[pa.RecordBatch]:
        """List without obstore, which would lose a whole page of objects for one name that it can't handle."""
        bucket, base = self.bucket_path
        folder = f"{prefix.strip('/')}/" if prefix else ""
        list_pages = OTHER_STORES[self.other_store].pages if self.other_store else _pages_of_aws
        for page in list_pages(bucket, base + folder):
            PULSE.beat()
            rows = []
            for item in page:
                key = item.key.removeprefix(base)
                if key.endswith("/"):
                    continue  # consoles create such objects to show empty folders
                if fault := fault_of(key):
                    on_unlisted(Unlisted(key, fault))
                else:
                    rows.append({"key": key, "etag": _etag(item.version), "size": item.size})
            yield pa.RecordBatch.from_pylist(rows, schema=LISTING_SCHEMA)

    def fetch(self, key: str, max_bytes: float = math.inf) -> FetchedObject | None:
        """Read the present version of an object; return `None` if it does not exist.

        Parameters
        ----------
        max_bytes
            Size above which the object is not read.

        Raises
        ------
        Forbidden
            If the storage denies access to this object.
        TooLarge
            If the object has more than `max_bytes`.
        StorageError
            If the storage fails for another reason.
        """
        try:
            answer = obstore.get(self._store, key)
            etag = self._version(answer.meta)
            if answer.meta["size"] > max_bytes:
                raise TooLarge(answer.meta["size"], etag)
            body = bytes(answer.bytes())
            PULSE.beat()
            return FetchedObject(body, etag)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (BaseError, OSError) as error:
            if _is_refusal(error):
                raise Forbidden(_first_line(error)) from error
            raise StorageError(f"Can't read {self.url}/{key}: {_first_line(error)}") from error

    def find(self, key: str) -> tuple[int, str] | None:
        """Return the size in bytes and the etag of an object, without reading it; `None` if it does not exist.

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
            return found["size"], self._version(found)

    def _version(self, meta: "ObjectMeta | PutResult") -> str:
        """Return the version of an object that a listing returns, too."""
        return _etag(meta["version"] if self.other_store == "gs" else meta["e_tag"])

    def read(self, key: str) -> bytes | None:
        """Read the bytes of an object; return `None` if the object or the folder does not exist.

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

    def open_reader(self, key: str) -> io.RawIOBase:
        """Open an object for libraries that read pieces of files.

        Raises
        ------
        FileNotFoundError
            If the object does not exist.
        StorageError
            If the storage fails, now or later.
        """
        found = self.find(key)
        if found is None:
            raise FileNotFoundError(key)
        return _RawObject(self, key, found[0])

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Read a part of an object that exists.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"read {self.url}/{key}"):
            return bytes(obstore.get_range(self._store, key, start=start, length=length))

    def write(self, key: str, body: bytes) -> None:
        """Write an object. Readers see the complete object or none.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"write {self.url}/{key}"):
            obstore.put(self._store, key, body)

    def write_if(self, key: str, body: bytes, version: str | None) -> str | None:
        """Write an object of a bucket outside of AWS, unless another process has written it in the meantime.

        Parameters
        ----------
        version
            Version that the object must have; `None` if it must not exist.

        Returns
        -------
        str or None
            The new version; `None` if the object has another version, and stays as it is.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        name = "version" if self.other_store == "gs" else "e_tag"
        quoted = version if self.other_store == "gs" else f'"{version}"'
        mode: PutMode = {name: quoted} if version else "create"  # type: ignore[assignment]
        with _storage_errors(f"write {self.url}/{key}"):
            try:
                return self._version(obstore.put(self._store, key, body, mode=mode, use_multipart=False))
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                return None

    def modified(self, key: str) -> datetime | None:
        """Return when an object was written, by the clock of the storage; `None` if it does not exist.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"look for {self.url}/{key}"):
            try:
                return obstore.head(self._store, key)["last_modified"]
            except (FileNotFoundError, NotADirectoryError):
                return None

    @contextmanager
    def open_writer(self, key: str) -> "Iterator[ObjectWriter]":
        """Open an object for writing in pieces. It appears at the end of the block, unless the block fails.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"write {self.url}/{key}"):
            upload = obstore.open_writer(self._store, key)
            stream = ObjectWriter(_RawUpload(upload), WRITE_BUFFER)
            yield stream
            stream.flush()
            upload.close()

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the storage, without fetching it.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"copy {self.url}/{source}"):
            obstore.copy(self._store, source, target)

    def delete(self, keys: list[str]) -> None:
        """Delete objects. Objects that do not exist are ignored.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"delete objects of {self.url}"):
            try:
                obstore.delete(self._store, keys)
            except FileNotFoundError:
                for key in keys:
                    with suppress(FileNotFoundError):
                        obstore.delete(self._store, key)

    def delete_folder(self, prefix: str) -> None:
        """Delete all objects below a prefix that ends in a slash.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        with _storage_errors(f"delete {self.url}/{prefix}"):
            for batch in obstore.list(self._store, prefix):
                PULSE.beat()
                # Spark's connectors have objects for folders, which may go when the last file below them does.
                self.delete([found["path"] for found in batch])


class _RawObject(io.RawIOBase):
    """Adapter for libraries that read from files: each read is one request."""

    def __init__(self, storage: Storage, key: str, size: int) -> None:
        self._storage, self._key, self._size = storage, key, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "Buffer", /) -> int:
        view = memoryview(buffer)
        length = max(0, min(len(view), self._size - self._position))
        if length:
            view[:length] = self._storage.read_range(self._key, self._position, length)
            self._position += length
        return length


class _RawUpload(io.RawIOBase):
    """Adapter for libraries that write to files. Closing it does not complete the upload."""

    def __init__(self, upload: "WritableFile") -> None:
        self._upload = upload
        self._hash = sha256()
        self._size = 0

    @property
    def digest(self) -> Digest:
        """Digest of what was written."""
        return Digest(size=self._size, sha256=self._hash.hexdigest())

    def writable(self) -> bool:
        return True

    def write(self, data: "Buffer", /) -> int:
        written = self._upload.write(bytes(data))
        self._hash.update(memoryview(data)[:written])
        self._size += written
        return written


class ObjectWriter(io.BufferedWriter):
    """An object that is written in pieces."""

    raw: _RawUpload

    def digest(self) -> Digest:
        """Return the digest of everything written so far."""
        self.flush()
        return self.raw.digest


@cache
def _client_of(url: str, other_store: str | None, pid: int) -> "ObjectStore":  # noqa: ARG001 -- a forked process must not use these connections
    """Return the client for a URL, with its credentials and connections, which the tasks of a process share."""
    if other_store:
        return from_url(url, **OTHER_STORES[other_store].client_options())
    return from_url(url, credential_provider=_aws_credentials())


def _pages_of_aws(bucket: str, prefix: str) -> Iterator[list[ListedObject]]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        for page in boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield [ListedObject(item["Key"], item["ETag"], item["Size"]) for item in page.get("Contents", [])]
    except (BotoCoreError, ClientError) as error:
        raise StorageError(f"Can't list s3://{bucket}: {_first_line(error)}") from error


def _aws_credentials() -> "Boto3CredentialProvider":
    """Find credentials with boto3, which looks in more places than obstore, and in those of AWS's own tools."""
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return Boto3CredentialProvider(ttl=CREDENTIALS_LAST)
    except ValueError as error:
        raise StorageError("There are no AWS credentials: run `aws configure`, or set AWS_PROFILE.") from error


def hadoop_settings(url: str) -> dict[str, str]:
    """Return the settings of Spark's connector to the store of a URL, without secrets; none for a folder and for S3.

    Raises
    ------
    SettingsError
        If the environment lacks what the connector needs.
    """
    store = Storage(url).other_store
    return OTHER_STORES[store].hadoop_settings() if store else {}


def hadoop_secrets(url: str) -> dict[str, str]:
    """Return the secret settings of Spark's connector to the store of a URL; none for a folder and for S3.

    Raises
    ------
    SettingsError
        If the environment lacks what the connector needs.
    """
    store = Storage(url).other_store
    return OTHER_STORES[store].hadoop_secrets() if store else {}


def writer_to(bucket: str, session: "boto3.Session", endpoint: str, region: str) -> Callable[[str, bytes], None]:
    """Return a function that writes an object in one request, which is not repeated. Threads may share it.

    obstore signs and sends outside of Python's lock, which takes a tenth of boto3's time per request.

    Parameters
    ----------
    session
        Session with the credentials.
    endpoint
        URL of S3.

    Raises
    ------
    StorageError
        If there are no credentials, and, from the returned function, if the storage does not accept the object.
    """
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        store = S3Store(
            bucket,
            endpoint=endpoint,
            region=region,
            virtual_hosted_style_request=False,
            credential_provider=Boto3CredentialProvider(session, ttl=CREDENTIALS_LAST),
            client_options={"allow_http": endpoint.startswith("http:"), "timeout": WRITE_TIMEOUT},
            retry_config={"max_retries": 0},
        )
    except (BaseError, ValueError) as error:
        raise StorageError(f"Can't write to {bucket}: {_first_line(error)}") from error

    def write(key: str, body: bytes) -> None:
        with _storage_errors(f"write {bucket}/{key}"):
            obstore.put(store, key, body, use_multipart=False)

    return write


@contextmanager
def _storage_errors(doing: str) -> Iterator[None]:
    """Convert the errors of libraries to a `StorageError` that says which operation failed and why."""
    try:
        yield
        PULSE.beat()
    except (BaseError, OSError) as error:
        raise StorageError(f"Can't {doing}: {_first_line(error)}") from error


def _files_of(root: Path, folder: str, on_unlisted: Callable[[Unlisted], None]) -> Iterator[dict[str, Any]]:
    """Yield rows of `LISTING_SCHEMA` for the files of a folder."""
    for found in walk(str(root), folder):
        if found.name in {folder, "."}:
            raise StorageError(f"Can't list {root / folder}: {found.problem}")
        reason = found.problem or _unfinished(found.name)
        status = None if reason else _status(root, found.name)
        if isinstance(status, os.stat_result):
            yield {"key": found.name, "etag": _etag_of_file(status), "size": status.st_size}
        else:
            on_unlisted(Unlisted(found.name, reason or str(status)))


def _unfinished(key: str) -> str | None:
    """Return why obstore does not read a file: it gives such names to what it has not written to the end."""
    return "a name that ends in # and a number is taken for an unfinished copy" if re.search(r"#\d+$", key) else None


def _status(root: Path, key: str) -> os.stat_result | str:
    """Return the status of a regular file, or why it can't be read."""
    try:
        status = os.stat(f"{root}/{key}")  # noqa: PTH116 -- strings: a hundred thousand Path objects cost seconds
    except FileNotFoundError:
        return "the target of the link does not exist, or the file was deleted"
    except OSError as error:
        return error.strerror or str(error)
    return status if stat.S_ISREG(status.st_mode) else "it is not a regular file"


def _etag_of_file(status: os.stat_result) -> str:
    """Return the etag that obstore gives a file: its inode, its time in microseconds, and its size."""
    return f"{status.st_ino:x}-{max(status.st_mtime_ns // 1000, 0):x}-{status.st_size:x}"


def _etag(etag: str | None) -> str:
    """Strip the quotes that HTTP adds to an etag, and that S3's events do not have."""
    return (etag or "").strip('"')


def _is_refusal(error: Exception) -> bool:
    # For a folder, obstore raises a general error that names the cause in its text.
    return isinstance(error, PermissionError | PermissionDeniedError) or "PermissionDenied" in str(error)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
