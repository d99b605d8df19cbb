"""An archive of the classes that a run loads: a JVM that maps it starts Spark in half the time.

The JVM calls this class data sharing: https://docs.oracle.com/en/java/javase/21/vm/class-data-sharing.html. It checks
that an archive is its own and that of these jars, and loads the classes from the jars where it is not.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cli.jars import iceberg_jar
from cli.spark_home import spark_home
from spark_app.errors import InstallationError

ARCHIVES = Path(sys.prefix) / "share" / "fruits" / "classes"

BASE, SPARK_CLASSES = "java.jsa", "spark.jsa"
"""Files of an archive: the classes of Java itself, and on top of them those of Spark, Iceberg and all the rest."""

QUIET = "-Xlog:disable"
"""The JVM would tell the terminal that it does not use an archive."""


def archive_options(java: Path) -> str:
    """Compose the options by which a JVM uses the archive that was made for it; none if there is none.

    Parameters
    ----------
    java
        Its JAVA_HOME.
    """
    folder = _folder_for(java)
    if not (folder / SPARK_CLASSES).is_file():
        return ""
    return f"-XX:SharedArchiveFile={folder / BASE}{os.pathsep}{folder / SPARK_CLASSES} {QUIET}"


def make_archive(java: Path) -> None:
    """Make the archive for a Java, unless it is there, and delete those for others.

    Raises
    ------
    InstallationError
        If the JVM makes none.
    """
    folder = _folder_for(java)
    complete, partial = folder / SPARK_CLASSES, folder / f"{SPARK_CLASSES}.partial"
    if complete.is_file():
        return
    shutil.rmtree(ARCHIVES, ignore_errors=True)
    folder.mkdir(parents=True)
    # The second archive names the first one by its path, which therefore must be its last.
    said = _output_of([java / "bin" / "java", "-Xshare:dump", f"-XX:SharedArchiveFile={folder / BASE}"])
    said += _output_of([sys.executable, "-m", "cli.class_archive_run", folder / BASE, partial])
    if not partial.is_file():
        raise InstallationError(f"Java makes no archive of Spark's classes: {said[-500:].strip()}")
    partial.rename(complete)


def _output_of(command: list[str | Path]) -> str:
    # The JVM of a session writes its archive when Python has ended: its output is open until it has.
    return subprocess.run(  # noqa: S603 -- Java, and our own module
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    ).stdout


def _folder_for(java: Path) -> Path:
    """Name the folder of an archive by the Java and the jars that it is of."""
    release = java / "release"
    facts = [str(java.resolve()), release.read_text() if release.is_file() else ""]
    facts += [str((spark_home() / "jars").stat().st_mtime_ns), str(iceberg_jar().stat().st_mtime_ns)]
    return ARCHIVES / hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]
