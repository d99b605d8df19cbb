"""The Spark of local runs: PySpark's own, without the jar of MLlib.

MLlib registers functions in every session that finds its jar, for which Scala's reflection takes 0.9 s. The pipeline
does not use MLlib. The jar of SLF4J gets another name, since Spark's launcher would list it twice, and the class data
sharing of Java 21 refuses such a class path (see `localspark.class_archive`).
"""

import sys
import tempfile
from pathlib import Path

from contract.versions import SPARK
from spark_app.errors import InstallationError

SPARK_HOME = Path(sys.prefix) / "share" / "fruits" / f"spark-{SPARK}"

LEFT_OUT = "spark-mllib_"
RENAMED = {"slf4j-api-": "api-slf4j.jar"}
"""Beginning of the name of a jar → its name here."""


def spark_home() -> Path:
    """Name the SPARK_HOME of local runs.

    Raises
    ------
    InstallationError
        If it was not made.
    """
    if not SPARK_HOME.is_dir():
        raise InstallationError("Spark is not set up for local runs: run `fruits setup`.")
    return SPARK_HOME


def make_spark_home(home: Path = SPARK_HOME) -> None:
    """Make the folder, unless it is there: links to all that PySpark has."""
    if home.is_dir():
        return
    import pyspark  # takes 0.1 s, which no other command should

    home.parent.mkdir(parents=True, exist_ok=True)
    theirs = Path(pyspark.__file__).parent
    with tempfile.TemporaryDirectory(prefix=".spark-", dir=home.parent) as scratch:
        made = Path(scratch) / home.name
        (made / "jars").mkdir(parents=True)
        for entry in theirs.iterdir():
            if entry.name != "jars":
                (made / entry.name).symlink_to(entry)
        for jar in (theirs / "jars").iterdir():
            if not jar.name.startswith(LEFT_OUT):
                (made / "jars" / _name_of(jar)).symlink_to(jar)
        try:
            made.rename(home)
        except OSError:
            if not home.is_dir():  # if it is there by now, another process has made it
                raise


def _name_of(jar: Path) -> str:
    return next((name for beginning, name in RENAMED.items() if jar.name.startswith(beginning)), jar.name)
