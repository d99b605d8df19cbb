"""The Spark, the Java and the Python that run the jobs of EMR Serverless on this machine."""

import os
import sys
from pathlib import Path

import pyspark

from localaws.account import LocalAwsError

SPARK_HOME = Path(pyspark.__file__).parent


def java_home() -> str:
    """Return the JAVA_HOME of this process.

    Raises
    ------
    LocalAwsError
        If it is not set.
    """
    if home := os.environ.get("JAVA_HOME"):
        return home
    raise LocalAwsError("Spark jobs need Java: set JAVA_HOME before the local AWS is started.")


def python_folder() -> Path:
    """Return the folder of the Python without installed packages, which stands for the Python of EMR's image."""
    return Path(os.path.realpath(sys._base_executable)).parent  # type: ignore[attr-defined]  # noqa: SLF001 -- no other name
