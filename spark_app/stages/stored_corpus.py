"""The images of a run as the tables store them: narrow columns of all images, and where their other columns are."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from contract.tables import Table
from spark_app.curation.corpus import Coordinates, HeldCoordinates
from spark_app.curation.images import IMAGE_ROWS, MEASURES, Floats, Images, Numbers
from spark_app.stages.features_sample import ROW_ID
from spark_app.stages.repair import DamagedTableError, TableDamage
from spark_app.stages.rows_by_position import Places, read_lists, read_values
from spark_app.storage import Storage
from spark_app.tables import Tables

PLACE = "_file, _pos"
CONTENT_ID = "if(content_hash IS NULL, NULL, xxhash64(content_hash)) AS content_id"
OF_FEATURES = ", ".join(
    ("key", f"{ROW_ID} AS row_id", CONTENT_ID, "perceptual_hash", "width", "height", *MEASURES, PLACE)
)
OF_COMPONENTS = f"key, label, residual, {PLACE}"

HELD_BYTES = 100_000_000
HELD_IMAGES = 50_000
"""Size and number of the coordinates up to which the driver holds and compares them; above, the workers do."""


@dataclass(frozen=True)
class StoredCoordinates:
    """Coordinates in the data files of the table `components`."""

    root: Storage
    places: Places
    k: int

    def read(self, images: Numbers) -> Floats:
        """Read the coordinates of some images."""
        return read_lists(self.root, Table.COMPONENTS, "components", self.k, self.places.take(images))


@dataclass(frozen=True, eq=False)
class _Rows:
    """What has been read of all images."""

    images: Images
    thumbnails: Places
    """Places of the rows of `features`."""
    coordinates: StoredCoordinates


@dataclass(frozen=True, eq=False)
class StoredCorpus:
    """The images that the tables describe, one or more. They are read when they are needed, and once.

    Every attribute and method raises `DamagedTableError` if the tables describe other images, or if a file is missing
    or damaged, and `StorageError` if the storage fails.
    """

    root: Storage
    tables: Tables
    k: int
    """Number of components."""

    @property
    def images(self) -> Images:
        """The narrow columns of all images."""
        return self._rows.images

    @cached_property
    def coordinates(self) -> Coordinates:
        """The coordinates of all images: in memory, or where they can be read."""
        stored, images = self._rows.coordinates, len(self.images)
        if images > HELD_IMAGES or images * self.k * np.dtype(np.float32).itemsize > HELD_BYTES:
            return stored
        return HeldCoordinates(stored.read(np.arange(images)))

    def thumbnails(self, images: Numbers) -> list[bytes | None]:
        """Read the thumbnails of some images; `None` for images that have none."""
        return read_values(self.root, Table.FEATURES, "thumbnail", self._rows.thumbnails.take(images))

    @cached_property
    def _rows(self) -> _Rows:
        measured, of_features = self._read(OF_FEATURES, self.tables.features)
        placed, of_components = self._read(OF_COMPONENTS, self.tables.components)
        if not measured["key"].equals(placed["key"]):
            raise DamagedTableError(TableDamage(Table.COMPONENTS, "metadata", "names other images than features"))
        rows = measured.append_column("label", placed["label"]).append_column("residual", placed["residual"])
        images = Images(rows.select(IMAGE_ROWS.names).cast(IMAGE_ROWS))
        return _Rows(images, of_features, StoredCoordinates(self.root, of_components, self.k))

    def _read(self, columns: str, table: str) -> tuple[pa.Table, Places]:
        """Read columns in the order of the keys, and the places of the rows, whose long paths do not stay in memory."""
        rows = self.tables.spark.sql(f"SELECT {columns} FROM {table}").toArrow().sort_by("key")
        return rows.drop_columns(PLACE.split(", ")), Places.of(rows["_file"], rows["_pos"])
