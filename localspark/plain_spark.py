"""Spark as PySpark ships it, with MLlib. Local runs of the pipeline use a Spark home without it."""

import os
import sys

from localspark.environment import remove_foreign_variables
from localspark.java import find_java


def use_plain_spark() -> None:
    """Prepare this process for a session of PySpark's own Spark. It must not have one yet."""
    remove_foreign_variables(os.environ)
    os.environ.pop("SPARK_HOME", None)
    os.environ |= {
        "JAVA_HOME": str(find_java(os.environ)),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
