"""The memory that an image takes while it is decoded, estimated from its header before any pixel is decoded.

Each estimate counts the buffers that hold a whole image (or a whole block of a TIFF file) at the same time:
`python -m benchmarks.decoding_memory` compares the estimates with measurements.
"""

import re
from collections.abc import Callable

from PIL import Image

from contract.rejects import Reason
from spark_app.engine.bare_image import BareImage
from spark_app.engine.jpeg import bytes_of_coefficients
from spark_app.engine.refusals import RefusedImageError
from spark_app.engine.strips import SIZE
from spark_app.engine.tiff import VerifiedTiff, bytes_of_block
from spark_app.settings import Limits

BYTES_OF_MODE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
"""Bytes of a pixel in Pillow's memory. All other modes have 4."""

BYTES_OF_LINE = 4 * 8 + 16
"""Memory for each pixel of the longer side: Pillow's 4 coefficients of 8 bytes, and a strip of one line."""
BYTES_OF_REDUCED_LINE = 4 * SIZE
"""Memory for each line of which one side is reduced."""

WEBP = 12
"""libwebp's canvas, its canvas of the previous frame, and the bytes that it returns, with 4 bytes per pixel each."""

_AV1, _HEVC = re.compile(rb"av1C..(.)", re.DOTALL), re.compile(rb"hvcC.{16}(.)(.)", re.DOTALL)
_UNKNOWN = (3.0, 2)
"""Samples per pixel and bytes per sample of a file that does not tell: 4:4:4 with more than 8 bits."""
_SAMPLES = {0: 1.0, 1: 1.5, 2: 2.0, 3: 3.0}
"""Samples per pixel of HEVC, by the number of its chroma format (ITU-T H.265, table 6-1)."""


def check_memory(image: Image.Image, file: BareImage, limits: Limits, size: tuple[int, int] | None = None) -> None:
    """Raise an error if an opened image would take too much memory.

    Parameters
    ----------
    size
        Size of an image that is decoded at a reduced scale; `None` for the size of `image`.

    Raises
    ------
    RefusedImageError
        If it needs more than `Limits.memory`, as decoders of compressed formats do near the limit of pixels.
    """
    needed = memory_needed(image, file)
    width, height = size or image.size
    if needed > limits.memory:
        raise RefusedImageError(
            Reason.TOO_MANY_PIXELS,
            f"{width}x{height} as {_name(image)} takes {needed / 1e6:,.0f} MB of memory, more than "
            f"{limits.memory / 1e6:,.0f}",
        )


def memory_needed(image: Image.Image, file: BareImage) -> int:
    """Return about how many bytes an opened image and its file take while the image is decoded."""
    pixels = image.width * image.height
    short, long = sorted(image.size)
    needed = _NEEDED.get(image.format or "", _needed_by_pillow)(image, file.body, pixels)
    reduction = long * BYTES_OF_LINE + min(long, 2 * short) * BYTES_OF_REDUCED_LINE
    return round(needed + reduction + file.copies * len(file.body))


def _name(image: Image.Image) -> str:
    return f"progressive {image.format}" if image.info.get("progressive") else f"{image.format}"


def _needed_by_pillow(image: Image.Image, _: bytes, pixels: int) -> float:
    return pixels * BYTES_OF_MODE.get(image.mode, 4)


def _needed_by_jpeg(image: Image.Image, body: bytes, pixels: int) -> float:
    return _needed_by_pillow(image, body, pixels) + bytes_of_coefficients(body)


def _needed_by_png(image: Image.Image, body: bytes, pixels: int) -> float:
    # Of an animation, Pillow keeps what it shows after the first frame, too.
    return _needed_by_pillow(image, body, pixels) * (2 if getattr(image, "is_animated", False) else 1)


def _needed_by_gif(image: Image.Image, _: bytes, pixels: int) -> float:
    return pixels * (2 * BYTES_OF_MODE.get(image.mode, 4))


def _needed_by_bmp(image: Image.Image, _: bytes, pixels: int) -> float:
    # Pillow decodes run lengths to an array, and copies it to bytes.
    return pixels * (3 if image.mode in {"L", "P", "1"} else 4)


def _needed_by_tiff(image: Image.Image, body: bytes, pixels: int) -> float:
    block = bytes_of_block(image) if isinstance(image, VerifiedTiff) else 0
    return _needed_by_pillow(image, body, pixels) + block


def _needed_by_webp(_: Image.Image, body: bytes, pixels: int) -> float:
    return WEBP * pixels + len(body)


def _needed_by_avif(image: Image.Image, body: bytes, pixels: int) -> float:
    # The planes, the same with film grain, the colours made of them, and the bytes that are returned.
    found = [_av1_samples(match[1][0]) for match in _AV1.finditer(body)] or [_UNKNOWN]
    return pixels * (2 * _bytes_of_planes(found, image.mode) + 2 * len(image.mode))


def _needed_by_heif(image: Image.Image, body: bytes, pixels: int) -> float:
    # The planes, the same in the layout from which libheif converts colours, and the colours.
    found = [(_SAMPLES[m[1][0] & 3], 2 if m[2][0] & 7 else 1) for m in _HEVC.finditer(body)] or [_UNKNOWN]
    return pixels * (2 * _bytes_of_planes(found, image.mode) + len(image.mode)) + len(body)


def _bytes_of_planes(found: list[tuple[float, int]], mode: str) -> float:
    """Return the bytes per pixel of the largest of the images in a file, and of its alpha channel."""
    samples = max(samples for samples, _ in found) + (mode[-1] in "Aa")
    return samples * max(size for _, size in found)


def _av1_samples(flags: int) -> tuple[float, int]:
    """Read samples per pixel and bytes per sample from the third byte of an ``av1C`` box (AV1-ISOBMFF, 2.3.3)."""
    is_grey, halves_width, halves_height = flags & 0x10, flags & 0x08, flags & 0x04
    samples = 1.0 if is_grey else 1.5 if halves_height else 2.0 if halves_width else 3.0
    return samples, 2 if flags & 0x40 else 1


_NEEDED: dict[str, Callable[[Image.Image, bytes, int], float]] = {
    "JPEG": _needed_by_jpeg,
    "MPO": _needed_by_jpeg,
    "PNG": _needed_by_png,
    "GIF": _needed_by_gif,
    "BMP": _needed_by_bmp,
    "TIFF": _needed_by_tiff,
    "WEBP": _needed_by_webp,
    "AVIF": _needed_by_avif,
    "HEIF": _needed_by_heif,
}
