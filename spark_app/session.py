"""The Spark session, with the configuration that every run needs."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from contract.job import CatalogKind
from contract.layout import TABLES
from spark_app.jvm import has_jvm, own_jvm
from spark_app.settings import RunSettings
from spark_app.signals import postponed
from spark_app.storage import Storage, hadoop_secrets, hadoop_settings

CATALOG = "lake"
"""Name of the Iceberg catalog in SQL."""

DEFAULTS = {
    # Rows of 1280 features are large: small batches keep the memory of a worker small, and its stages busy.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "256",
    "spark.sql.session.timeZone": "UTC",
    # Spark's default, which an environment variable may change: an overflow must fail a run.
    "spark.sql.ansi.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
    # The driver reads the narrow columns of all images, 200 bytes each. Spark's limit is 1 GB, whatever memory it has.
    "spark.driver.maxResultSize": "0",
}


@contextmanager
def open_session(settings: RunSettings, extra: Mapping[str, str]) -> Iterator[SparkSession]:
    """Start a Spark session, and stop it after the body. An interruption kills the JVM.

    Parameters
    ----------
    extra
        Configuration of the machine: the master and the jars on a laptop, nothing under spark-submit.
    """
    conf = {
        "spark.app.name": "fruits",
        **_catalog(settings),
        **_in_hadoop(hadoop_settings(settings.output)),
        **DEFAULTS,
        **extra,
    }
    # Not in the configuration with which the JVM starts, because all users of the machine can read command lines.
    all_conf = conf | _in_hadoop(hadoop_secrets(settings.output))
    if has_jvm():  # spark-submit has started it
        session = _new_session(all_conf)
        try:
            yield session
        except Exception:
            session.stop()
            raise
        # After an interruption in the middle of a call, the connection to the JVM can't be used any more, and the JVM
        # of spark-submit ends with this process.
        session.stop()
        return
    with own_jvm() as jvm:
        with postponed(jvm.kill):
            jvm.start(conf)
            jvm.connect()
            session = _new_session(all_conf)
            _adapt_accumulators(session)
        try:
            yield session
        except Exception:
            with suppress(Exception):  # the JVM may have died, which must not hide the error
                session.stop()
            raise
        session.stop()


def _new_session(conf: Mapping[str, str]) -> SparkSession:
    on_interrupt = signal.getsignal(signal.SIGINT)
    SparkContext.getOrCreate(SparkConf().setAll(list(conf.items())))
    # PySpark installs a handler that calls the JVM in the middle of another call to it, which garbles both.
    signal.signal(signal.SIGINT, on_interrupt)
    builder = SparkSession.Builder()
    for name, value in conf.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _adapt_accumulators(session: SparkSession) -> None:
    """Adapt the thread of PySpark that receives the counters of the tasks.

    If the JVM dies, the thread would print a traceback, because a connection has ended. When the session stops, the
    thread needs up to 1.5 s to notice it, for which nothing has to wait.
    """
    server = session.sparkContext._accumulatorServer  # noqa: SLF001 -- PySpark offers no other access
    notice_end = Thread(target=server.shutdown, daemon=True)
    setattr(server, "handle_error", lambda *_: None)  # noqa: B010 -- mypy refuses assignments to methods
    setattr(server, "shutdown", notice_end.start)  # noqa: B010 -- as above


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


def _in_hadoop(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"spark.hadoop.{name}": value for name, value in settings.items()}
