"""An archive of the classes that a run loads. A JVM that maps it starts Spark in half the time.

The JVM calls this class data sharing: https://docs.oracle.com/en/java/javase/21/vm/class-data-sharing.html. It uses an
archive only if the same Java made it from the same jars; otherwise it loads the classes from the jars.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from localspark.jars import iceberg_jar
from localspark.spark_home import spark_home
from spark_app.errors import InstallationError

ARCHIVES = Path(sys.prefix) / "share" / "fruits" / "classes"

JAVA_CLASSES, SPARK_CLASSES = "java.jsa", "spark.jsa"
"""Files of an archive: the classes of Java itself, and on top of them all others, such as those of Spark."""

NO_WARNINGS = "-Xlog:disable"
"""Without this option, the JVM prints a warning when it rejects an archive."""


def archive_options(java: Path) -> str:
    """Return the options by which the JVM of a JAVA_HOME uses the archive that was made for it; empty without one."""
    folder = _folder_for(java)
    if not (folder / SPARK_CLASSES).is_file():
        return ""
    return f'"-XX:SharedArchiveFile={folder / JAVA_CLASSES}{os.pathsep}{folder / SPARK_CLASSES}" {NO_WARNINGS}'


def make_archive(java: Path) -> None:
    """Make the archive for a Java if it does not exist, and delete those for others.

    Raises
    ------
    InstallationError
        If the JVM does not make the archive.
    """
    folder = _folder_for(java)
    complete, partial = folder / SPARK_CLASSES, folder / f"{SPARK_CLASSES}.partial"
    if complete.is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    # The second archive contains the path of the first one, so the first one is made in its final place.
    base = folder / JAVA_CLASSES
    _call([java / "bin" / "java", "-Xshare:dump", f"-XX:SharedArchiveFile={base}"], base)
    _call([sys.executable, "-m", "localspark.class_archive_run", base, partial], partial)
    partial.rename(complete)
    for earlier in ARCHIVES.iterdir():
        if earlier != folder:
            shutil.rmtree(earlier)


def _call(command: list[str | Path], made: Path) -> None:
    """Call a command that makes a file."""
    # The JVM of a session writes its archive after Python has ended. Reading all of its output waits for that.
    answer = subprocess.run(  # noqa: S603 -- Java, and our own module
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if answer.returncode != 0 or not made.is_file():
        last_line = (answer.stdout.strip().splitlines() or ["it gives no reason"])[-1]
        raise InstallationError(f"Java could not make an archive of Spark's classes: {last_line.rstrip('.')}.")


def _folder_for(java: Path) -> Path:
    """Return the folder of an archive, whose name depends on the Java and the jars."""
    release = java / "release"
    facts = [str(java.resolve()), release.read_text() if release.is_file() else ""]
    facts += [str(path.stat().st_mtime_ns) for path in (spark_home() / "jars", iceberg_jar())]
    return ARCHIVES / hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]
