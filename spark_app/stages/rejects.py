"""The refused images in the results: ``rejects.csv``, and what the report shows of them."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql.pandas.types import from_arrow_schema

from contract.digest import Digest
from contract.layout import ResultFile
from contract.runs import Mode
from spark_app.csv_files import write_csv
from spark_app.errors import TooManyRejectsError
from spark_app.report.data import RefusedImages
from spark_app.settings import RunSettings
from spark_app.storage import Storage
from spark_app.tables import Tables

REJECT_COLUMNS = ("key", "reason", "detail")

DIGESTS = pa.schema([("size", pa.int64()), ("sha256", pa.string())])
"""Digest of the file that a task has written."""

LISTED = 20
"""Number of refused images that the report lists."""


def read_refused_images(tables: Tables) -> RefusedImages:
    """Read what the report shows of the refused images."""
    spark = tables.spark
    reasons = spark.sql(f"SELECT reason, count(*) AS n FROM {tables.rejects} GROUP BY reason ORDER BY n DESC, reason")
    some = spark.sql(f"SELECT {', '.join(REJECT_COLUMNS)} FROM {tables.rejects} ORDER BY key LIMIT {LISTED}")
    return RefusedImages(
        {row.reason: row.n for row in reasons.collect()},
        [(row.key, row.reason, row.detail) for row in some.collect()],
    )


def check_not_all_refused(tables: Tables, settings: RunSettings, count: int) -> None:
    """Check that not all images are refused, because the results would be empty.

    With `max_reject_rate` of 1, all images may be refused. So they may in an update of an environment: its first
    image may be a broken one, and the notices of its run must not wait until another image arrives.

    Parameters
    ----------
    count
        Number of images with features.

    Raises
    ------
    TooManyRejectsError
        If there are refused images and no others.
    """
    waits = settings.mode is Mode.UPDATE and settings.is_environment
    if count or waits or settings.max_reject_rate >= 1:
        return
    refused = read_refused_images(tables)
    if refused.count:
        key, reason, detail = refused.some[0]
        raise TooManyRejectsError(
            f"{_all_in_words(refused)}, for example {key!r}: {reason}{f' ({detail})' if detail else ''}. The last "
            "results are unchanged. If no image can be read, and empty results are right, run again with "
            "--max-reject-rate 1."
        )


def _all_in_words(refused: RefusedImages) -> str:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in refused.reasons.items())
    return f"{'The only image was' if refused.count == 1 else f'All {refused.count:,} images were'} refused ({reasons})"


def publish_rejects(rejects: DataFrame, root: Storage, folder: str) -> Digest:
    """Write ``rejects.csv``: key, reason and detail of every refused image, in the order of the keys."""
    frame = rejects.select(*REJECT_COLUMNS).coalesce(1).sortWithinPartitions("key")
    write = partial(_write, root=root, key=folder + ResultFile.REJECTS)
    written: list[Row] = frame.mapInArrow(write, from_arrow_schema(DIGESTS)).collect()
    if written:
        return Digest(**written[0].asDict())
    # Spark runs no task for a table without rows, but readers expect a file with a header.
    (batch,) = write(iter(()))
    return Digest(**batch.to_pylist()[0])


def _write(batches: Iterable[pa.RecordBatch], root: Storage, key: str) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([(name, pa.string()) for name in REJECT_COLUMNS])
    written = write_csv((batch.columns for batch in batches), schema, root, key)
    yield pa.RecordBatch.from_pylist([asdict(written.digest)], schema=DIGESTS)
