"""The Spark session, with the configuration that every run needs."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyspark.sql import SparkSession

from contract.job import CatalogKind
from contract.layout import TABLES
from spark_app.settings import RunSettings
from spark_app.storage import Storage

CATALOG = "lake"
"""Name of the Iceberg catalog in SQL."""

DEFAULTS = {
    # Rows of 1280 features are large: small batches keep the memory of a worker small, and its stages busy.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "256",
    "spark.sql.session.timeZone": "UTC",
    # Spark's default, which an environment variable may change: an overflow must fail a run.
    "spark.sql.ansi.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
}


@contextmanager
def open_session(settings: RunSettings, extra: Mapping[str, str]) -> Iterator[SparkSession]:
    """Start a Spark session, and stop it after the body.

    Parameters
    ----------
    extra
        Configuration of the machine: the master and the jars on a laptop, nothing under spark-submit.
    """
    builder = SparkSession.Builder().appName("fruits")
    for name, value in {**_catalog(settings), **DEFAULTS, **extra}.items():
        builder = builder.config(name, value)
    on_interrupt = signal.getsignal(signal.SIGINT)
    session = builder.getOrCreate()
    # PySpark installs a handler that calls the JVM in the middle of another call to it, which garbles both.
    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield session
    finally:
        session.stop()


def _catalog(settings: RunSettings) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{CATALOG}"
    common = {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.warehouse": Storage(settings.output).spark_path(TABLES),
        # A cached table would hide the commits of other processes.
        f"{prefix}.cache-enabled": "false",
        f"{prefix}.type": settings.catalog.kind,
    }
    if settings.catalog.kind == CatalogKind.GLUE:
        common[f"{prefix}.io-impl"] = "org.apache.iceberg.aws.s3.S3FileIO"
    return common
