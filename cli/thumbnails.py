"""The thumbnails of images, as far as the table of features has them."""

from collections.abc import Sequence

import pyarrow as pa

from cli.image_keys import images_with
from cli.table_files import DataFile

SCHEMA = pa.schema([("key", pa.string()), ("thumbnail", pa.binary())])
"""A key, and the picture of the image as a WebP file, or null."""


def thumbnails_of(files: Sequence[DataFile], keys: Sequence[str]) -> dict[str, bytes]:
    """Return the thumbnails of some images by their keys. Images without one are left out.

    Parameters
    ----------
    files
        Files of the table of features. Those of earlier versions have no thumbnails.
    """
    rows = images_with(files, keys, SCHEMA)
    return {key: row["thumbnail"] for key, row in rows.items() if row["thumbnail"] is not None}
