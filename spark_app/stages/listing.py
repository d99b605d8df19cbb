"""The images that are there: listed once, staged for Spark. The driver holds one batch of names at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit

from spark_app.errors import ImagesError
from spark_app.stages.plan import Op
from spark_app.storage import LISTING_SCHEMA, Storage


@dataclass(frozen=True)
class Listing:
    """A staged listing.

    Attributes
    ----------
    path
        For Spark: a Parquet file of key, etag and size.
    count
        Number of objects.
    unreadable
        A sentence for every object whose name can't be handled.
    """

    path: str
    count: int
    unreadable: list[str] = field(default_factory=list)

    def rows(self, spark: SparkSession) -> DataFrame:
        """Read the listing: key, etag, size and op."""
        listed = spark.read.schema("key string, etag string, size long").parquet(self.path)
        return listed.withColumn("op", lit(Op.FEATURISE.value))


def check_folder(images: Storage) -> None:
    """See that the folder of images is there. Writes nothing.

    Raises
    ------
    ImagesError
        If it is missing.
    """
    if not images.exists():
        raise ImagesError(f"There is no folder {images.display}.")


def check_images(images: Storage) -> None:
    """See that there is an image at least: an empty folder is more likely the wrong one. Writes nothing.

    Raises
    ------
    ImagesError
        If the folder is missing, or empty.
    StorageError
        If it can't be listed.
    """
    check_folder(images)
    if not any(batch.num_rows for batch in images.list_objects([], chunk_size=1)):
        raise ImagesError(f"There are no images in {images.display}.")


def stage_listing(images: Storage, root: Storage, staging: str) -> Listing:
    """List the images, and stage the listing below the output.

    Raises
    ------
    StorageError
        If the listing fails or can't be staged.
    """
    unreadable: list[str] = []
    key = f"{staging}listing.parquet"
    count = _write(root, key, images.list_objects(unreadable))
    return Listing(root.spark_path(key), count, unreadable)


def _write(root: Storage, key: str, batches: Iterator[pa.RecordBatch]) -> int:
    count = 0
    with root.open_writer(key) as sink, pq.ParquetWriter(sink, LISTING_SCHEMA) as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count
