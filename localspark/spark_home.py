"""The SPARK_HOME of local runs: PySpark's own Spark without the jar of MLlib.

MLlib registers functions in every session that finds its jar; Scala's reflection takes 0.9 s for this. The pipeline
does not use MLlib. The jar of SLF4J gets another name, because Spark's launcher would list it twice, and the class data
sharing of Java 21 refuses such a class path (see `localspark.class_archive`).
"""

import sys
from pathlib import Path

from contract.versions import SPARK
from spark_app.errors import InstallationError
from spark_app.scratch import scratch_folder

LOCAL_SPARK_HOME = Path(sys.prefix) / "share" / "fruits" / f"spark-{SPARK}"

MLLIB = "spark-mllib_"
RENAMED = {"slf4j-api-": "api-slf4j.jar"}
"""Prefix of the name of a jar → its new name."""


def spark_home() -> Path:
    """Return the SPARK_HOME of local runs.

    Raises
    ------
    InstallationError
        If `fruits setup` has not made it.
    """
    if not LOCAL_SPARK_HOME.is_dir():
        raise InstallationError("Spark is not set up for local runs: run `fruits setup`.")
    return LOCAL_SPARK_HOME


def make_spark_home(home: Path = LOCAL_SPARK_HOME) -> None:
    """Make the folder, which contains links to PySpark's files, if it does not exist."""
    if home.is_dir():
        return
    import pyspark  # here, because the import takes 0.1 s, and only `fruits setup` needs it

    home.parent.mkdir(parents=True, exist_ok=True)
    source = Path(pyspark.__file__).parent
    with scratch_folder(home.parent, ".spark-") as scratch:
        made = scratch / home.name
        (made / "jars").mkdir(parents=True)
        for entry in source.iterdir():
            if entry.name != "jars":
                (made / entry.name).symlink_to(entry)
        for jar in (source / "jars").iterdir():
            if not jar.name.startswith(MLLIB):
                (made / "jars" / _name_of(jar)).symlink_to(jar)
        try:
            made.rename(home)
        except OSError:
            if not home.is_dir():  # otherwise, another process has made it at the same time
                raise


def _name_of(jar: Path) -> str:
    return next((name for prefix, name in RENAMED.items() if jar.name.startswith(prefix)), jar.name)
