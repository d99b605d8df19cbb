"""Decoding of large JPEG photos at a reduced scale.

libjpeg can average 2x2, 4x4 or 8x8 pixels while it decodes, which saves most of the time of a photo. The reduction to
the input of the network removes the same details, provided that enough pixels remain.
"""

from PIL import Image

from spark_app.engine.strips import SIZE
from spark_app.settings import Decoding

LEAST = 3 * SIZE
"""Pixels that remain at least of each side. With two times the size of the network, the features differ more than ten
times as much: `python -m benchmarks.photos` measures it."""

SCALES = (8, 4, 2)
"""Numbers by which libjpeg can divide the sides."""


def scale_of(size: tuple[int, int]) -> int:
    """Return the largest number by which both sides can be divided so that at least `LEAST` pixels remain; else 1."""
    return next((scale for scale in SCALES if min(size) // scale >= LEAST), 1)


def apply_scale(image: Image.Image, decoding: Decoding) -> int:
    """Have an opened image be decoded at a reduced scale if it is a large JPEG photo, and return its scale.

    The image then has the reduced size.
    """
    if decoding is Decoding.FULL or image.format not in {"JPEG", "MPO"}:
        return 1
    scale = scale_of(image.size)
    reduced = (image.width // scale, image.height // scale)
    return scale if scale > 1 and image.draft(None, reduced) else 1
