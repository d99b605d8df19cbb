"""The thumbnails of images, as far as the table of features has them."""

import io
from collections.abc import Sequence

import pyarrow as pa
from PIL import Image

from cli.image_keys import images_with
from cli.table_files import DataFile
from spark_app.engine.interface import Pixels
from spark_app.explorer.data import SIDE

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


def thumbnail_of(pixels: Pixels) -> bytes:
    """Return a thumbnail of decoded pixels of shape (h, w, 3): a WebP file of `SIDE` x `SIDE` pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
