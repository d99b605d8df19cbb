"""Tests of the storage in S3, which keeps the promises of the storage in a folder."""

import pickle
import secrets

import boto3
import pyarrow as pa
import pytest

from spark_app.errors import StorageError
from spark_app.storage import Storage, TooLarge, Unlisted
from tests.spark_app.test_storage import NAMES


@pytest.fixture
def bucket(aws: str) -> str:  # noqa: ARG001 -- configures this process
    """Return the name of an empty bucket."""
    name = f"bucket-{secrets.token_hex(4)}"
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


@pytest.fixture
def storage(bucket: str) -> Storage:
    """Return a folder of a bucket."""
    return Storage(f"s3://{bucket}/images")


def _listed(storage: Storage, unlisted: list[Unlisted], prefix: str | None = None) -> dict[str, str]:
    table = pa.Table.from_batches(list(storage.list_objects(prefix, on_unlisted=unlisted.append)))
    return dict(zip(table["key"].to_pylist(), table["etag"].to_pylist(), strict=True))


def test_any_name_survives_from_listing_to_reading(storage: Storage) -> None:
    """The key of an object is exactly its name below the folder, and its etag is that of the listing."""
    for name in NAMES:
        storage.write(name, name.encode())
    listed = _listed(storage, [])
    assert set(listed) == set(NAMES)
    for name in NAMES:
        fetched = storage.fetch(name)
        assert fetched is not None
        assert (fetched.body, fetched.etag) == (name.encode(), listed[name])


def test_unusual_names_do_not_affect_other_objects(storage: Storage, bucket: str) -> None:
    """Names that can not be handled are reported, folder markers are skipped, and all other objects are listed."""
    storage.write("Apple/1.jpg", b"1")
    client = boto3.client("s3")
    for key in ("images//empty.jpg", "images/a\x01b.jpg", "images/a/../b.jpg", "images/Folder/", "elsewhere/1.jpg"):
        client.put_object(Bucket=bucket, Key=key, Body=b"1")
    unlisted: list[Unlisted] = []
    assert set(_listed(storage, unlisted)) == {"Apple/1.jpg"}
    assert len(unlisted) == 3
    assert set(_listed(storage, [], "Apple")) == {"Apple/1.jpg"}
    assert _listed(storage, [], "App") == {}


def test_a_missing_object_is_no_error(storage: Storage) -> None:
    """Finding and reading a missing object returns `None`, and deleting it succeeds."""
    assert storage.find("gone.jpg") is None
    assert storage.fetch("gone.jpg") is None
    assert storage.read("gone.jpg") is None
    storage.delete(["gone.jpg"])


def test_a_worker_gets_the_same_storage(storage: Storage) -> None:
    """A pickled storage contains neither a connection nor a secret, and handles objects of any size."""
    with storage.open_writer("large.bin") as sink:
        sink.writelines(b"x" * 1_000_000 for _ in range(12))
    document = pickle.dumps(storage)
    assert b"test" not in document
    copy: Storage = pickle.loads(document)  # noqa: S301 -- pickled above
    copy.copy("large.bin", "copy.bin")
    body = copy.read("copy.bin")
    assert body is not None
    assert len(body) == 12_000_000
    with pytest.raises(TooLarge):
        copy.fetch("copy.bin", max_bytes=1e6)
    copy.delete_folder("")
    assert _listed(storage, []) == {}


def test_a_missing_bucket_is_reported(aws: str) -> None:  # noqa: ARG001 -- configures this process
    """A wrong name of a bucket gives a sentence instead of a traceback."""
    with pytest.raises(StorageError, match="Can't list s3://no-such-bucket-here"):
        list(Storage("s3://no-such-bucket-here").list_objects())


def test_missing_credentials_are_reported(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 -- configures this process
    """Without credentials, the error says how to configure them."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(StorageError, match="aws configure"):
        Storage("s3://any-bucket").write("a", b"")
