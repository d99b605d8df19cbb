"""Tests of the download of Spark's connectors, from a server on this machine."""

import hashlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from localspark import connectors
from localspark.connectors import CONNECTORS, Jar, connector_jars
from localspark.jars import made_completely
from spark_app.errors import InstallationError
from spark_app.place import OTHER_STORES

BODY = b"a jar"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def central(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a folder in place of Maven Central, and keep jars in another one."""
    folder = tmp_path / "central"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(connectors, "MAVEN_CENTRAL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(connectors, "JARS", tmp_path / "jars")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


CONNECTOR = Jar("org.example", "connector", "1.0", hashlib.sha256(BODY).hexdigest(), "shaded")


def _publish(central: Path, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectors, "CONNECTORS", {"gs": (CONNECTOR,)})
    _serve(central, CONNECTOR, body)


def _serve(central: Path, jar: Jar, body: bytes) -> None:
    file = central / jar.url.removeprefix(f"{connectors.MAVEN_CENTRAL}/")
    file.parent.mkdir(parents=True)
    file.write_bytes(body)


def test_every_store_has_a_connector() -> None:
    """A URL that the settings accept has a connector for its output."""
    assert set(CONNECTORS) == set(OTHER_STORES)


def test_a_connector_is_downloaded_once_and_the_user_is_told(central: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run downloads it, and later runs need no network."""
    _publish(central, BODY, monkeypatch)
    told: list[str] = []
    (first,) = connector_jars("gs", told.append)
    (central / "org/example/connector/1.0/connector-1.0-shaded.jar").unlink()
    (second,) = connector_jars("gs", told.append)
    assert first == second
    assert first.read_bytes() == BODY
    assert told == ["Spark's connector for gs:// is downloaded from Maven Central, once."]


def test_a_change_of_any_jar_of_a_connector_is_downloaded(central: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jars of an earlier version of this project don't count as complete, whichever jar has changed since."""
    _publish(central, BODY, monkeypatch)
    connector_jars("gs", lambda _: None)
    helper = Jar("org.example", "helper", "1.0", hashlib.sha256(BODY).hexdigest())
    for digest, body in ((helper.sha256, BODY), (hashlib.sha256(b"a fix").hexdigest(), b"a fix")):
        changed = replace(helper, sha256=digest)
        monkeypatch.setattr(connectors, "CONNECTORS", {"gs": (CONNECTOR, changed)})
        shutil.rmtree(central / "org/example/helper", ignore_errors=True)
        _serve(central, changed, body)
        assert [path.read_bytes() for path in connector_jars("gs", lambda _: None)] == [BODY, body]


def test_two_processes_may_download_a_connector_at_once(tmp_path: Path) -> None:
    """The folder that is there first stays, and the second process uses it."""
    folder = tmp_path / "jars/gs"
    with made_completely(folder) as late:
        (late / "jars").mkdir()
        (late / "jars/second.jar").write_bytes(BODY)
        with made_completely(folder) as early:
            (early / "jars").mkdir()
            (early / "jars/first.jar").write_bytes(BODY)
    assert [path.name for path in folder.iterdir()] == ["first.jar"]
    assert [path.name for path in folder.parent.iterdir()] == ["gs"]


def test_another_file_than_the_tested_one_is_refused(central: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was changed on its way is neither used nor kept."""
    _publish(central, b"another jar", monkeypatch)
    with pytest.raises(InstallationError, match="is not the file that was tested"):
        connector_jars("gs", lambda _: None)
    assert not connectors.connector_folder("gs").exists()


def test_a_failed_download_is_reported(central: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 -- replaces Maven Central
    """Without network, one sentence names the file and what to do."""
    jar = Jar("org.example", "gone", "1.0", "")
    monkeypatch.setattr(connectors, "CONNECTORS", {"gs": (jar,)})
    with pytest.raises(InstallationError, match=r"gone-1.0.jar could not be downloaded .*404.*fruits setup --store"):
        connector_jars("gs", lambda _: None)
