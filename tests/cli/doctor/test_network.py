"""Tests of the checks of the network, with servers of this machine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli.doctor.checks import Status
from cli.doctor.network import NPM, PYPI, npm_registry, pip_index, reach, weights


class Server(HTTPServer):
    """A server that gives one answer, and keeps the headers of the questions."""

    answer = 200

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), Answers)


class Answers(BaseHTTPRequestHandler):
    """Gives the answer of the server."""

    server: Server

    def do_HEAD(self) -> None:
        """Answer a question."""
        self.server.asked.append(dict(self.headers))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Start a server."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as started:
        thread = threading.Thread(target=started.serve_forever)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "status"), [(200, "ok"), (401, "ok"), (404, "ok"), (405, "ok"), (500, "warn"), (503, "warn")]
)
def test_any_answer_but_a_failure_shows_that_the_server_is_there(answer: int, status: str, server: Server) -> None:
    """An index may refuse the question, or ask for a password that pip knows."""
    server.answer = answer
    assert reach(f"http://127.0.0.1:{server.server_port}/simple/").status == status


def test_a_password_is_neither_sent_nor_shown(server: Server) -> None:
    """A mirror may have user and password in its URL, and people paste the output of the command into tickets."""
    finding = reach(f"http://me:secret@127.0.0.1:{server.server_port}/simple/")
    assert finding.status is Status.OK
    assert "secret" not in f"{finding}{server.asked}"
    server.answer = 500
    assert "secret" not in str(reach(f"http://me:secret@127.0.0.1:{server.server_port}/simple/"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "ftp://x/", "simple", "http://[::1", "http://127.0.0.1:99999/"])
def test_no_server_is_a_warning(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs need no network, and a mistake in a configuration is told in the same way."""
    monkeypatch.setenv("NO_PROXY", "*")
    assert reach(url).status is Status.WARN


def test_an_index_in_a_folder_is_there() -> None:
    """Pip accepts the URL of a folder."""
    assert reach("file:///srv/wheels").status is Status.OK


def test_the_configured_index_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The variable precedes the file, as for pip, and without both the public index is asked."""
    for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    configuration = tmp_path / "pip.conf"
    configuration.write_text("[global]\nindex-url = https://mirror.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    assert pip_index() == "https://mirror.example/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example/simple")
    assert pip_index() == "https://other.example/simple"
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert pip_index() == PYPI


def test_the_configured_registry_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Npm reads variables and files of its own; without Node, the public registry is asked."""
    monkeypatch.setenv("npm_config_registry", "https://npm.example/")
    assert npm_registry() == "https://npm.example/"
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert npm_registry() == NPM


def test_weights_on_this_machine_need_no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keras downloads the weights once."""
    from spark_app.engine.weights import imagenet_cache

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("cli.doctor.network.KERAS", "http://127.0.0.1:9/")
    monkeypatch.setenv("NO_PROXY", "*")
    assert "--weights seeded" in weights().advice
    imagenet_cache().parent.mkdir(parents=True)
    imagenet_cache().touch()
    assert weights().status is Status.OK
