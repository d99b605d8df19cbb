"""The start of the Python workers on this machine, while the run lists the images and plans.

Workers import their libraries for about two seconds before their first image, and the JVM loads the classes that talk
to them. On a cluster, the executors are not there yet at this time.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from threading import Thread

import pyarrow as pa
from pyspark.sql import SparkSession

from spark_app.engine.worker import import_engine
from spark_app.settings import Engine


def start_workers(spark: SparkSession, engine: Engine) -> None:
    """Start one Python worker per core in the background. The end of the session ends what is left of it."""
    if (spark.sparkContext.master or "").startswith("local"):
        Thread(target=_start_workers, args=(spark, engine), daemon=True).start()


def _start_workers(spark: SparkSession, engine: Engine) -> None:
    def load(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import spark_app.stages.features  # noqa: F401 -- loads what the tasks need

        import_engine(engine)
        yield from batches

    # If workers can't start, the tasks that compute features say so. A run that fails at this time ends the session.
    with suppress(Exception):
        cores = spark.sparkContext.defaultParallelism
        spark.range(0, cores, 1, cores).mapInArrow(load, "id long").collect()
