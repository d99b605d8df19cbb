"""Tests of the thumbnails that the workers make."""

import io

import numpy as np
from PIL import Image

from spark_app.engine.thumbnail import SIDE, thumbnail


def _photo() -> np.ndarray:
    """Return an image with smooth colours and an edge."""
    rows, columns = np.mgrid[0:224, 0:224]
    pixels = np.stack([rows, columns, (rows + columns) // 2], axis=-1)
    pixels[60:120, 80:150] = (230, 40, 60)
    return pixels.astype(np.uint8)


def test_a_thumbnail_shows_the_image_at_48_pixels() -> None:
    """The thumbnail is a WebP file whose pixels are the means of the pixels that they stand for."""
    pixels = _photo()
    with Image.open(io.BytesIO(thumbnail(pixels))) as image:
        assert (image.format, image.size) == ("WEBP", (SIDE, SIDE))
        small = np.asarray(image.convert("RGB"), float)
    expected = np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX), float)
    assert np.abs(small - expected).mean() < 4


def test_equal_pixels_make_equal_thumbnails() -> None:
    """The bytes depend on the pixels only, so that a task that is repeated stages the same rows."""
    assert thumbnail(_photo()) == thumbnail(_photo().copy())
