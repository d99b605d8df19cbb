"""A sample of the images with their features, which are too large to read for all images."""

import numpy as np

from contract.tables import Table
from spark_app.arrow import FloatMatrix
from spark_app.curation.images import Images
from spark_app.settings import FEATURE_COUNT
from spark_app.stages.matrix import sample_share
from spark_app.stages.rows_by_position import Places, read_lists
from spark_app.storage import Storage
from spark_app.tables import Tables

ROW_ID = "xxhash64(key, etag, content_hash IS NULL)"
"""Id of the version of an image in SQL. Whether it was measured is a part of it: its near-duplicates depend on that."""


def read_sample(root: Storage, tables: Tables, images: Images) -> tuple[Images, FloatMatrix]:
    """Return a share of the images, which the hashes of their keys and etags choose, and their features in this order.

    Raises
    ------
    DamagedTableError
        If a file of the table is missing or damaged.
    StorageError
        If the storage fails.
    """
    one_of = round(1 / sample_share(len(images)))
    chosen = np.flatnonzero(images.row_ids % np.uint64(one_of) == 0)
    # One of a power of two: the remainder of the hash is the same, whether its first bit is a sign or not.
    query = f"SELECT key, _file, _pos FROM {tables.features} WHERE pmod({ROW_ID}, {one_of}) = 0"
    placed = tables.spark.sql(query).toArrow().sort_by("key")
    places = Places.of(placed["_file"], placed["_pos"])
    return Images(images.rows.take(chosen)), read_lists(root, Table.FEATURES, "features", FEATURE_COUNT, places)
