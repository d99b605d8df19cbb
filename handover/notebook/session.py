"""The Spark session of the notebook: PySpark's own Spark, with MLlib, which runs of the pipeline leave out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAME = "fruits notebook"
"""Name of the application of Spark."""

LOG = "spark.log"

BROADCAST_THRESHOLD = "spark.broadcast.UDFCompressionThreshold"
"""Setting of Spark: the size in bytes above which Spark itself broadcasts a Python function."""


def start_session(folder: Path) -> "SparkSession":
    """Return the session of the platform if it has one, such as Databricks or EMR; otherwise start one.

    Parameters
    ----------
    folder
        Folder for temporary files and for the log, which takes everything that the JVM and the workers print.

    Raises
    ------
    InstallationError
        If there is no Java that Spark runs on.
    """
    from pyspark.sql import SparkSession

    if (active := SparkSession.getActiveSession()) is not None:
        return active
    from localspark.plain_spark import use_plain_spark
    from localspark.session import stderr_to

    use_plain_spark()
    builder = SparkSession.Builder()
    for name, value in _configuration(folder).items():
        builder = builder.config(name, value)
    with stderr_to(folder / LOG):  # the JVM keeps what is its stderr now
        return builder.getOrCreate()


def _configuration(folder: Path) -> dict[str, str]:
    from localspark.session import LOG4J

    log4j = folder / "log4j2.properties"
    log4j.write_text(LOG4J.format(log=folder / LOG))
    return {
        "spark.app.name": NAME,
        "spark.master": "local[*]",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log4j.as_uri()}",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # An image is a large row: small batches keep the memory of a worker small.
        "spark.sql.execution.arrow.maxRecordsPerBatch": "32",
        "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def stop_session(spark: "SparkSession") -> None:
    """Stop a session that `start_session` has started; leave the session of a platform alone."""
    if spark.sparkContext.appName == NAME:
        spark.stop()


def set_broadcast_threshold(spark: "SparkSession", size: int) -> None:
    """Set the size in bytes above which Spark itself broadcasts a Python function, to measure what this saves.

    Spark reads the setting for every job, but has no public way to change it in a session.
    """
    spark.sparkContext._jsc.sc().conf().set(BROADCAST_THRESHOLD, str(size))  # noqa: SLF001 -- as the docstring says
