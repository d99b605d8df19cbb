"""The emulators of the stores outside of AWS, as processes of their own."""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from tests.gcs_front import xml_front

EMULATORS = Path(__file__).parents[1] / "build" / "emulators"
GOOGLE = EMULATORS / "fake-gcs-server"
AZURE = EMULATORS / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that Azurite documents, and that all emulators have."""

START = 30.0
"""Seconds in which an emulator must answer."""


@contextmanager
def google_store(log: Path) -> Iterator[dict[str, str]]:
    """Run the emulator of Google Cloud Storage; yield the variables that lead to it."""
    _skip_without(GOOGLE)
    port = _free_port()
    command = [GOOGLE, "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    with _running(command, port, log), xml_front(f"127.0.0.1:{port}") as url:
        yield {"GOOGLE_BASE_URL": url}


@contextmanager
def azure_store(log: Path) -> Iterator[dict[str, str]]:
    """Run the emulator of Azure Blob Storage; yield the variables that lead to it."""
    _skip_without(AZURE)
    port = _free_port()
    command = ["node", AZURE, "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    with _running([*command, "--blobHost", "127.0.0.1", "--blobPort", str(port)], port, log):
        yield {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
        }


def make_bucket(variables: dict[str, str], name: str) -> None:
    """Create a bucket or a container in the emulator to which variables lead."""
    if url := variables.get("GOOGLE_BASE_URL"):
        requests.post(f"{url}/storage/v1/b", json={"name": name}, timeout=START).raise_for_status()
    else:
        with BlobServiceClient(variables["AZURE_STORAGE_ENDPOINT"], credential=KEY) as client:
            client.create_container(name)


def put_raw(variables: dict[str, str], bucket: str, key: str) -> None:
    """Write an object with the store's own interface, which takes any key."""
    if url := variables.get("GOOGLE_BASE_URL"):
        query = {"uploadType": "media", "name": key}
        requests.post(
            f"{url}/upload/storage/v1/b/{bucket}/o", params=query, data=b"1", timeout=START
        ).raise_for_status()
    else:
        with BlobServiceClient(variables["AZURE_STORAGE_ENDPOINT"], credential=KEY) as client:
            client.get_blob_client(bucket, key).upload_blob(b"1")


def _skip_without(program: Path) -> None:
    if not program.is_file():
        pytest.skip(f"there is no {program.name}: `make build/emulators/ready` prepares the emulators")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def _running(command: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_for(port, process, log)
            yield
        finally:
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"The emulator did not start: {log.read_text()}")
