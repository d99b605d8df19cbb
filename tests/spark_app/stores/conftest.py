"""A folder, a bucket of S3, one of Google Cloud Storage and a container of Azure, for tests of what all of them do."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from spark_app.storage import Storage
from tests.emulated_stores import azure_store, google_store, make_bucket, put_raw


@dataclass(frozen=True)
class Emulated:
    """A store outside of AWS."""

    scheme: str
    variables: dict[str, str]

    def new_bucket(self) -> str:
        """Create a bucket, and return its name."""
        name = f"bucket-{secrets.token_hex(4)}"
        make_bucket(self.variables, name)
        return name


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """Run the emulator of Google Cloud Storage."""
    with google_store(tmp_path_factory.mktemp("google") / "log") as variables:
        yield Emulated("gs", variables)


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """Run the emulator of Azure Blob Storage."""
    with azure_store(tmp_path_factory.mktemp("azure") / "log") as variables:
        yield Emulated("az", variables)


@pytest.fixture(params=["gs", "az"])
def emulated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """Lead this process to a store outside of AWS."""
    found: Emulated = request.getfixturevalue({"gs": "google", "az": "azure"}[request.param])
    for name, value in found.variables.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture(params=["file", "s3", "gs", "az"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """Return an empty folder of a store of each kind."""
    if request.param == "file":
        (tmp_path / "images").mkdir()
        return Storage((tmp_path / "images").as_uri())
    return Storage(f"{request.param}://{_bucket_of(request, monkeypatch)}/images")


def _bucket_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "s3":
        request.getfixturevalue("aws")
        name = f"bucket-{secrets.token_hex(4)}"
        boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        return name
    found: Emulated = request.getfixturevalue({"gs": "google", "az": "azure"}[request.param])
    for name, value in found.variables.items():
        monkeypatch.setenv(name, value)
    return found.new_bucket()


@pytest.fixture
def put(storage: Storage, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that writes an object of any key below the folder, as other programs can."""
    bucket, base = storage.bucket_path
    if storage.is_bucket_of_aws:
        return lambda key: boto3.client("s3").put_object(Bucket=bucket, Key=base + key, Body=b"1")
    if storage.other_store is None:
        pytest.skip("the names of files are tested in test_storage.py")
    found: Emulated = request.getfixturevalue({"gs": "google", "az": "azure"}[storage.other_store])
    return lambda key: put_raw(found.variables, bucket, base + key)
