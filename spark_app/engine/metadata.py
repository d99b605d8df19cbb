"""Metadata of images: the orientation, and files without the metadata that keeps decoders from intact pixels."""

import re

from PIL import Image

from spark_app.engine import jpeg, png
from spark_app.engine.bare_image import BareImage

ORIENTATION = 0x0112
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by its orientation."""

_SIZES = {1: 1, 3: 2, 4: 4}
"""Bytes of a number in EXIF, by its type."""
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])")
_EXIF_ITEM = re.compile(rb"(infe.{8})Exif", re.DOTALL)


def orientation_of(image: Image.Image) -> int:
    """Return the orientation that the camera stored in a loaded image: 1 (upright) to 8; 1 if it can't be read."""
    exif, text = image.info.get("exif"), image.info.get(png.EXIF_TEXT)
    if isinstance(exif, bytes) and (found := _exif_orientation(exif)):
        return found
    if isinstance(text, str) and (found := _exif_orientation(png.exif_of_text(text))):
        return found
    # The rotation in AVIF and HEIF, which decoders apply or translate to EXIF, replaces all others.
    return 1 if image.format in {"AVIF", "HEIF"} else _xmp_orientation(image)


def without_metadata(body: bytes) -> BareImage | None:
    """Return an image file without metadata; `None` if the format has none that keeps decoders from pixels."""
    if body.startswith(png.SIGNATURE):
        return png.bare_png(body)
    if body.startswith(jpeg.SIGNATURE):
        return jpeg.bare_jpeg(body)
    if body.startswith((b"ftypavi", b"ftypmif1", b"ftyphei"), 4):
        # Decoders skip items of unknown types. The entry keeps its length, as others refer to places in the file.
        bare, count = _EXIF_ITEM.subn(rb"\1skip", body)
        return BareImage(bare) if count else None
    return None


def _exif_orientation(exif: bytes) -> int | None:
    """Read the orientation alone: other entries may be broken, or have types that can't be written anew."""
    tiff = exif.removeprefix(b"Exif\0\0")
    is_little = tiff.startswith(b"II*\0")

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "little" if is_little else "big")

    start = number(4, 4) + 2 if is_little or tiff.startswith(b"MM\0*") else len(tiff)
    for entry in range(start, min(start + 12 * number(start - 2, 2), len(tiff) - 9), 12):
        if number(entry, 2) == ORIENTATION:
            value = number(entry + 8, _SIZES.get(number(entry + 2, 2), 2))
            return value if value == 1 or value in TRANSPOSITIONS else None
    return None


def _xmp_orientation(image: Image.Image) -> int:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    match = _XMP_ORIENTATION.search(xmp.encode(errors="replace") if isinstance(xmp, str) else bytes(xmp))
    return int(match[1]) if match else 1
