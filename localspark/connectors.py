"""Spark's connectors to the stores outside of AWS. The first run with an output there downloads one."""

import hashlib
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from localspark.jars import JARS, made_completely
from spark_app.errors import InstallationError

MAVEN_CENTRAL = "https://repo1.maven.org/maven2"

TIMEOUT = 60.0
"""Seconds in which the server must answer."""


@dataclass(frozen=True)
class Jar:
    """A jar of Maven Central."""

    group: str
    artifact: str
    version: str
    sha256: str
    classifier: str = ""

    @property
    def name(self) -> str:
        """Name of the file."""
        ending = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{ending}.jar"

    @property
    def url(self) -> str:
        """Address of the file."""
        return f"{MAVEN_CENTRAL}/{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"


CONNECTORS = {
    "gs": (
        # Not every version has a jar with all its dependencies (shaded) in Maven Central. The tests run with 4.0.0.
        Jar(
            "com.google.cloud.bigdataoss",
            "gcs-connector",
            "4.0.0",
            "784efd5e56df22245dac765402320f586c364cddbe3cfc80338ec554f00cf05f",
            "shaded",
        ),
    ),
    "az": (
        Jar(
            "org.apache.hadoop",
            "hadoop-azure",
            "3.4.2",
            "f02ab756037abaecc45ea1869144ad3a69e25ccd84062bc37805837ca254e21c",
        ),
        Jar(
            "org.apache.hadoop.thirdparty",
            "hadoop-shaded-guava",
            "1.4.0",
            "a5dd4b1ca2521ad66cc555f784c4d35927171ed04d263d4b233cebab745430b5",
        ),
        Jar(
            "com.microsoft.azure",
            "azure-storage",
            "7.0.1",
            "32249cf9b550e247e257c0a508f93526d35e072509aa637fd33b3d54e267b1e2",
        ),
        Jar(
            "org.eclipse.jetty",
            "jetty-util",
            "9.4.57.v20241219",
            "6ccbf678716778e316cc097d8aada4fe2a2e16c0bbfd8a1763204d6724b423f4",
        ),
        Jar(
            "org.eclipse.jetty",
            "jetty-util-ajax",
            "9.4.57.v20241219",
            "67af50dd7714803b1bcdfabac181dd8b279d0ba6ba7fd27ea80c5b2099016542",
        ),
        Jar(
            "org.wildfly.openssl",
            "wildfly-openssl",
            "2.1.4.Final",
            "95decbc5d088b40e85f58d7726b8c8f4e3be6312a0f2660c2d714a23cee80279",
        ),
    ),
}
"""Store → the jars of its connector, of the versions that the tests run with this Spark."""


def connector_jars(store: str, on_download: Callable[[str], None]) -> list[Path]:
    """Return the paths of the jars of a connector; download them if they do not exist.

    Parameters
    ----------
    store
        One of `spark_app.place.OTHER_STORES`.
    on_download
        Called with a sentence before a download.

    Raises
    ------
    InstallationError
        If a download fails, or if a file is not the one that was tested.
    """
    jars, folder = CONNECTORS[store], connector_folder(store)
    if not folder.is_dir():
        on_download(f"Spark's connector for {store}:// is downloaded from Maven Central, once.")
        _download(jars, folder)
    return [folder / jar.name for jar in jars]


def connector_folder(store: str) -> Path:
    """Return the folder of the jars of a connector, which may not exist. Its name changes with any of the jars."""
    jars = CONNECTORS[store]
    digest = hashlib.sha256(" ".join(f"{jar.name} {jar.sha256}" for jar in jars).encode()).hexdigest()
    return JARS / f"{store}-{jars[0].artifact}-{jars[0].version}-{digest[:12]}"


def _download(jars: tuple[Jar, ...], folder: Path) -> None:
    with made_completely(folder) as scratch:
        (scratch / "jars").mkdir()
        for jar in jars:
            (scratch / "jars" / jar.name).write_bytes(_body(jar))


def _body(jar: Jar) -> bytes:
    try:
        with urllib.request.urlopen(jar.url, timeout=TIMEOUT) as answer:  # noqa: S310 -- an https: URL of our own
            body: bytes = answer.read()
    except (OSError, HTTPException) as error:
        raise InstallationError(
            f"{jar.url} could not be downloaded ({error}): check the network, and run `fruits setup --store`."
        ) from error
    if hashlib.sha256(body).hexdigest() != jar.sha256:
        raise InstallationError(f"{jar.url} is not the file that was tested: something between changes downloads.")
    return body
