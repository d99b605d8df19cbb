"""The listing of all images, staged for Spark. The driver holds one batch of names at a time."""

from dataclasses import dataclass

import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit

from spark_app.errors import ImagesError
from spark_app.stages.change_set import Action
from spark_app.storage import LISTING_SCHEMA, Storage


@dataclass(frozen=True)
class Listing:
    """A staged listing."""

    path: str
    """Path for Spark: a Parquet file of `LISTING_SCHEMA`."""
    count: int
    """Number of images."""
    unreadable: list[str]
    """One sentence for each object whose name the pipeline can't handle."""

    def rows(self, spark: SparkSession) -> DataFrame:
        """Read the key, etag, size and action of each image."""
        listed = spark.read.schema("key string, etag string, size long").parquet(self.path)
        return listed.withColumn("action", lit(Action.FEATURISE.value))


def check_images_folder(images: Storage) -> None:
    """Check that the folder of images exists.

    Raises
    ------
    ImagesError
        If the folder is missing.
    """
    if not images.exists():
        raise ImagesError(f"There is no folder {images.display}.")


def check_images(images: Storage) -> None:
    """Check that there is at least one image: an empty folder is more likely the wrong one.

    Raises
    ------
    ImagesError
        If the folder is missing or empty.
    StorageError
        If the folder can't be listed.
    """
    check_images_folder(images)
    if not any(batch.num_rows for batch in images.list_objects(chunk_size=1)):
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
    count = 0
    with root.open_writer(key) as sink, pq.ParquetWriter(sink, LISTING_SCHEMA) as writer:
        for batch in images.list_objects(on_unreadable=unreadable.append):
            writer.write_batch(batch)
            count += batch.num_rows
    return Listing(root.spark_path(key), count, unreadable)
