"""Tests of the requests that send files to the bucket, against a real server."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from benchmarks.object_server import Answer, Bucket
from cli.cloud.environment import Deployment, connect
from cli.cloud.sender import FAILURES_IN_A_ROW, LARGEST_SMALL_FILE, Sender
from cli.main import main
from tests.object_server import object_server

FILES = {"no label.jpg": b"0", "Apple Braeburn/a+b #2%.jpg": b"2", "Açaí 🍇/100 %.jpg": b"3" * 70_000, "empty.jpg": b""}


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """Return the folder of a bucket."""
    folder = tmp_path / "buckets" / "data"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def server(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Counter[str]]]:
    """Start a server, and set credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with object_server(bucket.parent) as running:
        yield running


@pytest.fixture
def deployment(server: tuple[str, Counter[str]]) -> Deployment:
    """Connect to the environment of the server."""
    return connect("dev", server[0], boto3.Session(region_name="eu-west-1"))


def test_a_small_file_costs_one_request(tmp_path: Path, bucket: Path, server: tuple[str, Counter[str]]) -> None:
    """Small files of any name cost one PUT each, with the MD5 as etag, so that a second upload skips all of them."""
    url, counts = server
    for name, body in FILES.items():
        path = tmp_path / "fruits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    command = ["upload", str(tmp_path / "fruits"), "--env", "dev", "--endpoint-url", url]
    assert main(command) == 0
    assert {name: (bucket / "images" / name).read_bytes() for name in FILES} == FILES
    assert counts == {"LIST": 1, "PUT": len(FILES)}
    assert main(command) == 0
    assert counts == {"LIST": 2, "PUT": len(FILES)}


def test_a_large_file_is_not_held_in_memory(deployment: Deployment, tmp_path: Path, bucket: Path) -> None:
    """boto3 reads a large file in pieces and sends it in one request, so that its etag is the MD5, too."""
    body = b"x" * (LARGEST_SMALL_FILE + 1)
    (tmp_path / "large").write_bytes(body)
    sender = Sender(deployment)
    sender._write = None  # type: ignore[assignment]  # noqa: SLF001 -- obstore must not be called
    sender.send(tmp_path / "large", "images/large", len(body))
    assert (bucket / "images/large").read_bytes() == body
    etag = deployment.s3.head_object(Bucket="data", Key="images/large")["ETag"]
    assert etag == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def test_a_refusal_is_that_of_boto3_and_obstore_is_given_up_after_some(
    deployment: Deployment, tmp_path: Path, server: tuple[str, Counter[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If obstore fails, boto3's error reaches the caller; after some failures in a row, only boto3 gets files."""
    denied = b"<Error><Code>AccessDenied</Code><Message>No.</Message></Error>"
    monkeypatch.setattr(Bucket, "put", lambda *_: Answer(HTTPStatus.FORBIDDEN, denied))
    (tmp_path / "file").write_bytes(b"1")
    sender = Sender(deployment)
    for _ in range(FAILURES_IN_A_ROW + 1):
        with pytest.raises(ClientError, match="AccessDenied"):
            sender.send(tmp_path / "file", "images/file", 1)
    assert server[1]["PUT"] == 2 * FAILURES_IN_A_ROW + 1


def test_a_failure_on_the_way_costs_a_second_request_only(
    deployment: Deployment,
    tmp_path: Path,
    bucket: Path,
    server: tuple[str, Counter[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If S3 is busy for one request, the file arrives with the next one, and obstore sends the files after it."""
    answers = iter([Answer(HTTPStatus.SERVICE_UNAVAILABLE)])
    put = Bucket.put
    monkeypatch.setattr(Bucket, "put", lambda *words: next(answers, None) or put(*words))
    (tmp_path / "file").write_bytes(b"1")
    sender = Sender(deployment)
    sender.send(tmp_path / "file", "images/1", 1)
    sender.send(tmp_path / "file", "images/2", 1)
    assert server[1]["PUT"] == 3
    assert sorted(path.name for path in (bucket / "images").iterdir()) == ["1", "2"]
