"""The listing of all images, staged for Spark. The driver holds one batch of names at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from contract.image_names import is_no_image, skipped_in_words
from contract.runs import Mode
from spark_app.errors import ImagesError
from spark_app.place import check_images_folder
from spark_app.run import Run
from spark_app.storage import LISTING_SCHEMA, Storage, Unlisted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NAMED_AT_MOST = 20
"""Number of omitted objects that a run names. It counts the others."""


@dataclass
class Omissions:
    """What the listing of a folder of images omits."""

    skipped: int = 0
    """Number of files that are no images by name."""
    unlisted: list[Unlisted] = field(default_factory=list)
    """Objects that can't be read because of their names, and folders that can't be listed."""

    def add(self, omitted: Unlisted) -> None:
        """Add what the storage has not listed."""
        if is_no_image(omitted.key):
            self.skipped += 1
        else:
            self.unlisted.append(omitted)

    @property
    def folders(self) -> list[str]:
        """Folders that can't be listed. A run leaves the rows of their images as they are."""
        return [omitted.key for omitted in self.unlisted if omitted.key.endswith("/")]

    @property
    def digest(self) -> str:
        """Digest of everything that is omitted."""
        return sha256(repr((self.skipped, sorted(map(str, self.unlisted)))).encode()).hexdigest()

    def in_words(self) -> list[str]:
        """Return sentences for the notes of a run."""
        sentences = [skipped_in_words(self.skipped)] if self.skipped else []
        sentences += [f"Can't be read, and was left out: {omitted}." for omitted in self.unlisted[:NAMED_AT_MOST]]
        if (others := len(self.unlisted) - NAMED_AT_MOST) > 0:
            sentences.append(f"{others:,} more files and folders can't be read, and were left out.")
        return sentences


class ListingDigest:
    """A digest of the keys, etags and sizes of objects, which does not depend on their order.

    It is the sum of the hashes of all objects: a storage may list objects in any order, and two objects have not the
    same key.
    """

    def __init__(self) -> None:
        self._sum = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows of `LISTING_SCHEMA`."""
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            self._sum += int.from_bytes(blake2b(repr(row).encode(), digest_size=16).digest())

    def __str__(self) -> str:
        return f"{self._sum % (1 << 128):032x}"


@dataclass(frozen=True)
class Listing:
    """A staged listing."""

    path: str
    """Path for Spark: a Parquet file of `LISTING_SCHEMA`."""
    count: int
    """Number of images."""
    omissions: Omissions
    digest: str
    """Digest of the images, and of what the listing omits."""

    def rows(self, spark: "SparkSession") -> "DataFrame":
        """Read the key, etag, size and action of each image."""
        from pyspark.sql.functions import lit  # a run that finds nothing new does not load Spark

        from spark_app.stages.change_set import Action

        listed = spark.read.schema("key string, etag string, size long").parquet(self.path)
        return listed.withColumn("action", lit(Action.FEATURISE.value))


def check_input(this: Run) -> None:
    """Check that the folder of images exists, and that it contains images where they can't all have been removed.

    If all images were removed, there are notices of it. A listing without images more likely shows a wrong folder.

    Raises
    ------
    ImagesError
        If the folder is missing or empty.
    StorageError
        If the folder can't be listed.
    """
    may_be_empty = this.settings.mode is Mode.UPDATE or this.settings.is_environment
    (check_images_folder if may_be_empty else check_images)(this.images)


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
    omissions = Omissions()
    if not any(batch.num_rows for batch in list_images(images, omissions, chunk_size=1)):
        raise ImagesError(" ".join([f"There are no images in {images.display}.", *omissions.in_words()]))


def list_images(
    images: Storage, omissions: Omissions, prefix: str | None = None, chunk_size: int = 10_000
) -> Iterator[pa.RecordBatch]:
    """List the images below a folder, without files that are no images by name.

    Parameters
    ----------
    omissions
        Receives what the listing omits.
    prefix, chunk_size
        As of `Storage.list_objects`.

    Yields
    ------
    RecordBatch
        Rows of `LISTING_SCHEMA`.

    Raises
    ------
    StorageError
        If the listing fails.
    """
    for batch in images.list_objects(prefix, chunk_size, omissions.add):
        chosen = pa.array([not is_no_image(key) for key in batch["key"].to_pylist()], pa.bool_())
        omissions.skipped += chosen.false_count
        yield batch.filter(chosen)


def stage_listing(images: Storage, root: Storage, staging: str) -> Listing:
    """List the images, and stage the listing below the output.

    Raises
    ------
    StorageError
        If the listing fails or can't be staged.
    """
    omissions, digest = Omissions(), ListingDigest()
    key = f"{staging}listing.parquet"
    count = 0
    with root.open_writer(key) as sink, pq.ParquetWriter(sink, LISTING_SCHEMA) as writer:
        for batch in list_images(images, omissions):
            writer.write_batch(batch)
            digest.add(batch)
            count += batch.num_rows
    return Listing(root.spark_path(key), count, omissions, f"{digest}-{omissions.digest}")
