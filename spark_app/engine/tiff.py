"""TIFF files: those layouts of pixels that Pillow is known to read rightly, without the metadata."""

import io
from typing import Any

from PIL import Image, ImagePalette, TiffImagePlugin

from contract.rejects import Reason
from spark_app.engine.metadata import ORIENTATION
from spark_app.engine.refusals import CAMERA_RAW, RefusedImageError, other_format_of, unsupported

Tags = TiffImagePlugin.ImageFileDirectory_v2

PREFIXES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
SENSOR = {32803, 34892}
"""Photometric interpretations of the sensor of a camera."""

ANY, ONE_PLANE = (1, 2), (1,)
VERIFIED: dict[tuple[int, int, int, tuple[int, ...]], tuple[int, ...]] = {
    **{(kind, bits, 1, ()): ANY for kind in (WHITE_IS_ZERO, BLACK_IS_ZERO) for bits in (1, 2, 4, 8, 16)},
    **{(PALETTE, bits, 1, ()): ANY for bits in (1, 2, 4, 8)},
    **{(RGB, bits, 3, ()): ANY for bits in (8, 16)},
    **{(RGB, bits, 4, (extra,)): ANY for bits in (8, 16) for extra in (0, 1, 2)},
    **{(RGB, bits, 4, ()): ONE_PLANE for bits in (8, 16)},
    **{(CMYK, bits, 4, ()): ANY for bits in (8, 16)},
    (BLACK_IS_ZERO, 8, 2, (2,)): ONE_PLANE,
    (PALETTE, 8, 2, (2,)): ONE_PLANE,
    (LAB, 8, 3, ()): ANY,
}
"""Layouts that the tests compare with the samples that were written and with another decoder: photometric
interpretation, bits, samples per pixel and extra samples → planar configurations."""

COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946}
"""None, three of fax machines, LZW, two of JPEG, Deflate, PackBits, old Deflate."""
RAW_COMPRESSIONS = {32767, 32769, 32770, 34713, 34892, 65000, 65535}
"""Compressions of Sony, Epson, Samsung, Nikon, Adobe, Kodak and Pentax."""

OLD_JPEG, JPEG = 6, 7
MAX_BYTE = 255
CHANNELS = 3

JPEG_BITS = 8 * (4 + 3 * 2)
"""Bits per pixel with which libtiff returns colours, and libjpeg keeps coefficients."""
SEVERAL_PLANES = 2

NUMBERS = (258, 273, 279, 320, 324, 325, 338, 339)
"""Tags of several numbers that are decoded: bits, places and sizes of strips and tiles, palette, kinds of samples."""
MAX_TAG = 8_000_000
"""Bytes of such a tag, enough for a million strips. As numbers of Python they take five to twenty times the memory."""

TILE_WIDTH, TILE_LENGTH = 322, 323
NEW_SUBFILE_TYPE, COMPRESSION, PHOTOMETRIC, INK_SET, DNG_VERSION = 254, 259, 262, 332, 50706


class VerifiedTiff(TiffImagePlugin.TiffImageFile):
    """A TIFF file of a layout that is verified, as it is stored: the orientation is left to `orientation`."""

    orientation = 1

    def _setup(self) -> None:
        # Pillow decodes tags one by one when they are used, so that other broken tags do no harm.
        self._check()
        self.orientation = _number(self.tag_v2, ORIENTATION, 1)
        super()._setup()
        self._size = self._tile_size
        if self.mode in {"P", "PA"} and max(colours := self.tag_v2[TiffImagePlugin.COLORMAP]) <= MAX_BYTE:
            # Old programs wrote 8 bits instead of 16. libtiff, too, reads such a palette so.
            self.palette = ImagePalette.raw("RGB;L", bytes(colours))

    def _check(self) -> None:
        tags = self.tag_v2
        if any(len(tags._tagdata.get(tag, b"")) > MAX_TAG for tag in NUMBERS):  # noqa: SLF001 -- not yet decoded
            raise RefusedImageError(Reason.CORRUPT, "TIFF: a tag has too many values")
        if _is_camera_raw(tags):
            raise unsupported(CAMERA_RAW)
        if _number(tags, NEW_SUBFILE_TYPE, 0) & 1:
            raise unsupported("TIFF that begins with a reduced image")
        if (compression := _number(tags, COMPRESSION, 1)) not in COMPRESSIONS:
            name = TiffImagePlugin.COMPRESSION_INFO.get(compression, f"number {compression}")
            raise unsupported(f"TIFF with compression {name}")
        if not _is_verified(tags, compression):
            raise unsupported(_description(tags))

    def load_end(self) -> None:
        """Leave metadata alone, which Pillow would read here, and write anew."""


def open_tiff(body: bytes) -> VerifiedTiff:
    """Open a TIFF file.

    Raises
    ------
    RefusedImageError
        If its layout is not verified.
    """
    if name := other_format_of(body):
        raise unsupported(name)
    return VerifiedTiff(io.BytesIO(body))


def is_cut(image: Image.Image, size: int) -> bool:
    """Return whether an image is a TIFF file whose pixels should go on behind the end of the file, at `size` bytes."""
    return isinstance(image, VerifiedTiff) and _end_of_pixels(image.tag_v2) > size


def is_white_zero(image: Image.Image) -> bool:
    """Return whether an image has 16 bits of which 0 is white, which Pillow does not turn round."""
    return isinstance(image, VerifiedTiff) and _number(image.tag_v2, PHOTOMETRIC, 0) == WHITE_IS_ZERO


def bytes_of_block(image: VerifiedTiff) -> int:
    """Return how much memory libtiff needs to decode a strip or a tile, which may be as large as the image."""
    tags = image.tag_v2
    samples = 1 if _number(tags, TiffImagePlugin.PLANAR_CONFIGURATION, 1) == SEVERAL_PLANES else _samples(tags)
    bits = samples * max(_numbers(tags, TiffImagePlugin.BITSPERSAMPLE, (1,)))
    if _number(tags, COMPRESSION, 1) in {OLD_JPEG, JPEG}:
        bits += JPEG_BITS
    if TILE_WIDTH in tags:
        pixels = _number(tags, TILE_WIDTH, 0) * _number(tags, TILE_LENGTH, 0)
    else:
        pixels = image.width * min(_number(tags, TiffImagePlugin.ROWSPERSTRIP, image.height), image.height)
    return pixels * bits // 8


def _is_camera_raw(tags: Tags) -> bool:
    begins_with_preview = _number(tags, NEW_SUBFILE_TYPE, 0) & 1 and TiffImagePlugin.SUBIFD in tags
    return (
        DNG_VERSION in tags
        or bool(begins_with_preview)
        or _number(tags, PHOTOMETRIC, 0) in SENSOR
        or _number(tags, COMPRESSION, 1) in RAW_COMPRESSIONS
    )


def _is_verified(tags: Tags, compression: int) -> bool:
    photometric, samples = _number(tags, PHOTOMETRIC, 0), _samples(tags)
    bits = set(_numbers(tags, TiffImagePlugin.BITSPERSAMPLE, (1,)))
    planar = _number(tags, TiffImagePlugin.PLANAR_CONFIGURATION, 1) if samples > 1 else 1
    if compression in {OLD_JPEG, JPEG} and photometric in {RGB, YCBCR}:
        return (bits, samples, planar) == ({8}, CHANNELS, 1)
    layout = (photometric, bits.pop(), samples, _numbers(tags, TiffImagePlugin.EXTRASAMPLES, ()))
    is_unsigned = set(_numbers(tags, TiffImagePlugin.SAMPLEFORMAT, (1,))) == {1}
    return not bits and is_unsigned and _number(tags, INK_SET, 1) == 1 and planar in VERIFIED.get(layout, ())


def _description(tags: Tags) -> str:
    formats = {1: "unsigned", 2: "signed", 3: "floating-point"}
    bits = _numbers(tags, TiffImagePlugin.BITSPERSAMPLE, (1,))
    kind = formats.get(_numbers(tags, TiffImagePlugin.SAMPLEFORMAT, (1,))[0], "undefined")
    return (
        f"TIFF with {_samples(tags)} {kind} samples of {bits[0]} bits per pixel, "
        f"photometric interpretation {_number(tags, PHOTOMETRIC, 0)}, "
        f"planar configuration {_number(tags, TiffImagePlugin.PLANAR_CONFIGURATION, 1)}, "
        f"extra samples {_numbers(tags, TiffImagePlugin.EXTRASAMPLES, ())}"
    )


def _samples(tags: Tags) -> int:
    is_old_jpeg = _number(tags, COMPRESSION, 1) == OLD_JPEG
    return _number(tags, TiffImagePlugin.SAMPLESPERPIXEL, CHANNELS if is_old_jpeg else 1)


def _end_of_pixels(tags: Tags) -> int:
    places = ((TiffImagePlugin.STRIPOFFSETS, 279), (TiffImagePlugin.TILEOFFSETS, 325))
    ends = (
        start + size
        for offsets, sizes in places
        for start, size in zip(_numbers(tags, offsets, ()), _numbers(tags, sizes, ()), strict=False)
    )
    return max(ends, default=0)


def _numbers(tags: Tags, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
    value: Any = tags.get(tag, default)
    values = value if isinstance(value, tuple) else (value,)
    return tuple(int(each) for each in values) or default


def _number(tags: Tags, tag: int, default: int) -> int:
    return _numbers(tags, tag, (default,))[0]
