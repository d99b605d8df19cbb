"""Tests of what the emulator of Google Cloud Storage does not do: it never fails for a moment."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spark_app import google_storage
from spark_app.errors import StorageError
from spark_app.google_storage import RETRIES
from spark_app.listed import ListedObject

PAGE = {"items": [{"name": "images/a.jpg", "generation": "7", "size": "3"}]}


class _Overloaded(BaseHTTPRequestHandler):
    """Refuses some requests, then lists one object."""

    refused = 0
    refusals = 0

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        kind = type(self)
        is_refused = kind.refused < kind.refusals
        kind.refused += is_refused
        body = json.dumps({} if is_refused else PAGE).encode()
        self.send_response(503 if is_refused else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Overloaded]]:
    """Lead this process to a server that refuses as many requests as its class says."""
    handler = type("Handler", (_Overloaded,), {})
    monkeypatch.setattr(google_storage, "BACKOFF", 0.0)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        monkeypatch.setenv("GOOGLE_BASE_URL", f"http://127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield handler
        finally:
            running.shutdown()
            thread.join()


def test_a_listing_outlasts_errors_that_pass(server: type[_Overloaded]) -> None:
    """Google asks its clients to repeat a request after such an answer, and a run of hours does not end for one."""
    server.refusals = 2
    assert list(google_storage.pages("bucket", "images/")) == [[ListedObject("images/a.jpg", "7", 3)]]
    assert server.refused == 2


def test_a_listing_that_fails_for_long_is_an_error(server: type[_Overloaded]) -> None:
    """The sentence has the status of the last answer."""
    server.refusals = RETRIES + 1
    with pytest.raises(StorageError, match=r"Can't list gs://bucket: 503"):
        list(google_storage.pages("bucket", "images/"))
    assert server.refused == RETRIES + 1
