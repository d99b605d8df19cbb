"""The Spark session: what every run needs of it, wherever it runs."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyspark.sql import SparkSession

from contract.layout import TABLES
from spark_app.settings import RunSettings
from spark_app.storage import Storage

CATALOG = "lake"

# Rows of 1280 features are large: small batches keep a worker's memory small and its pipeline moving.
ROWS_PER_ARROW_BATCH = 256


@contextmanager
def open_session(settings: RunSettings, extra: Mapping[str, str]) -> Iterator[SparkSession]:
    """Start Spark, and stop it again.

    Parameters
    ----------
    settings
        Decide where the tables are.
    extra
        What the place of the run adds: the master and the jars on a laptop, nothing under spark-submit.
    """
    builder = SparkSession.Builder().appName("fruits")
    for name, value in {**_catalog(settings), **_defaults(), **extra}.items():
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
        # Another process may have committed since: a cached table would hide it.
        f"{prefix}.cache-enabled": "false",
    }
    if settings.catalog.kind == "hadoop":
        return {**common, f"{prefix}.type": "hadoop"}
    return {
        **common,
        f"{prefix}.type": "glue",
        f"{prefix}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
    }


def _defaults() -> dict[str, str]:
    return {
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(ROWS_PER_ARROW_BATCH),
        "spark.sql.session.timeZone": "UTC",
        # Spark's default, which a variable of the environment may change: an overflow fails a run.
        "spark.sql.ansi.enabled": "true",
        "spark.ui.showConsoleProgress": "false",
    }
