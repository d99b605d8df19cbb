"""Decoding of files to the pixels that the network receives. It is part of the model's identity (`PREPROCESSING`)."""

import io
import traceback
import warnings
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError
from pillow_heif import register_heif_opener

from contract.rejects import Reason
from spark_app.engine.bare_image import BareImage
from spark_app.engine.colour import drop_empty_alpha, scale_transparency, to_srgb
from spark_app.engine.filled_up import is_filled_up
from spark_app.engine.frames import first_frame, gif_size, part_of_frame
from spark_app.engine.interface import Features, Pixels
from spark_app.engine.jpeg import scan_count, with_end
from spark_app.engine.memory import check_memory
from spark_app.engine.metadata import orientation_of, without_metadata
from spark_app.engine.pixel_source import PixelSource, load
from spark_app.engine.png import is_for_iphone
from spark_app.engine.refusals import RefusedImageError, format_of, refusal_of, unsupported
from spark_app.engine.scaling import LEAST, apply_scale
from spark_app.engine.strips import StoredImage
from spark_app.engine.tiff import PREFIXES, VerifiedTiff, is_cut, is_white_zero, open_tiff
from spark_app.settings import DEFAULT_DECODING, Decoding, Limits

_FULL = "orientation, sRGB (perceptual), on white, Pillow bicubic 224x224, x/127.5-1; version 2"

PREPROCESSING = {
    Decoding.FULL: _FULL,
    Decoding.SCALED: f"JPEG at 1/8, 1/4 or 1/2 of its sides, at least {LEAST}x{LEAST}; {_FULL}",
}
"""Description of the preprocessing with each kind of decoding. Another preprocessing is another model."""

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP")
"""Formats that Pillow may decode. EPS would start Ghostscript, and decoders of rare formats are rarely fuzzed."""

PLUGINS = {"JPEG": "JPEG", "PNG": "PNG", "WebP": "WEBP", "AVIF": "AVIF", "HEIC": "HEIF", "HEIF": "HEIF", "BMP": "BMP"}
"""Pillow's name of a format, by its name in `refusals`."""


MAX_SCANS = 100
"""Scans that an image of the highest number of pixels may have. Usual programs write about ten scans. A scan of a few
bytes makes a decoder visit all pixels, so that a file within the limit could keep a worker busy for hours."""

COPIES = 3
"""Copies of a file in memory while it is tried again: the file, without metadata, and with an end."""


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """The pixels of an image for the network, and its original size."""

    pixels: Pixels
    """Shape (224, 224, 3), RGB."""
    width: int
    """Original width in pixels, after the EXIF orientation was applied."""
    height: int
    """Original height in pixels, after the EXIF orientation was applied."""


def prepare_decoders() -> None:
    """Set up Pillow in this process.

    It registers HEIC, disables Pillow's global limit of pixels in favour of `Limits`, and has libtiff read all TIFF
    files, because Pillow's own reader mistakes channels of 16 bits that are stored one after the other.
    """
    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None
    TiffImagePlugin.READ_LIBTIFF = True


def decode(body: bytes, limits: Limits, decoding: Decoding = DEFAULT_DECODING) -> DecodedImage:
    """Decode an image as viewers show it, and resize it to the input of the network.

    The process must have called `prepare_decoders` before.

    Raises
    ------
    RefusedImageError
        If the file contains no image that can be decoded within the limits.
    """
    if not body:
        raise RefusedImageError(Reason.EMPTY, "0 bytes")
    with warnings.catch_warnings():
        # Decoders warn of broken metadata, which does not change the pixels.
        warnings.simplefilter("ignore")
        return _decode(body, limits, decoding)


def normalized(pixels: Pixels) -> Features:
    """Map pixels from 0..255 to the range of the network, -1..1, as float32 of the same shape."""
    result = np.empty(pixels.shape, np.float32)
    normalize_into(result, pixels)
    return result


def normalize_into(target: Features, pixels: Pixels) -> None:
    """Write the result of `normalized` to an array of the same shape."""
    np.multiply(pixels, np.float32(1 / 127.5), out=target)
    target -= np.float32(1)


def _decode(body: bytes, limits: Limits, decoding: Decoding) -> DecodedImage:
    try:
        return _read(BareImage(body), limits, decoding)
    except (RefusedImageError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 -- decoders raise any exception for broken bytes
        _free_pixels(error)
        return _decode_without_metadata(body, limits, decoding, error)


def _decode_without_metadata(body: bytes, limits: Limits, decoding: Decoding, error: Exception) -> DecodedImage:
    """Decode a file whose pixels may be intact, although a decoder refused it."""
    bare = without_metadata(body)
    if bare is None:
        raise refusal_of(body, error) from error
    try:
        return _read_without_end(replace(bare, copies=COPIES), limits, decoding)
    except (RefusedImageError, MemoryError):
        raise
    except Exception as last:  # as above
        raise refusal_of(body, last) from last


def _read_without_end(bare: BareImage, limits: Limits, decoding: Decoding) -> DecodedImage:
    try:
        return _read(bare, limits, decoding)
    except OSError as error:
        _free_pixels(error)
        if whole := with_end(bare.body):
            return _read(replace(bare, body=whole), limits, decoding)
        raise


def _free_pixels(error: BaseException | None) -> None:
    """Free what an error keeps alive: the variables of the functions that it passed, such as a half-decoded image."""
    while error:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _read(file: BareImage, limits: Limits, decoding: Decoding) -> DecodedImage:
    with _opened(file.body, limits) as image:
        _check(image, file.body, limits)
        size = image.size
        if file.copies > 1:
            check_memory(image, file, limits)  # `with_end` decodes all pixels
        scale = apply_scale(image, decoding)
        check_memory(image, file, limits, size)
        if is_filled_up(file.body):
            raise RefusedImageError(Reason.TRUNCATED, "zeros instead of the end")
        source = _load(image, len(file.body))
        if file.exif:
            image.info["exif"] = file.exif
        if image.format == "PNG" and "transparency" in image.info:
            scale_transparency(image, bits=file.body[24])
        if image.format == "BMP" and image.mode == "RGBA":
            drop_empty_alpha(image)
        profile = file.profile or image.info.get("icc_profile")
        frame = first_frame(image, file.body)
        stored = StoredImage(size if scale > 1 else source.size, _orientation(image), scale)
        converted = (
            to_srgb(source.crop(box), profile, part_of_frame(frame, box), is_white_zero=is_white_zero(image))
            for box in stored.boxes()
        )
        return DecodedImage(np.asarray(stored.reduced(converted)), *stored.upright_size)


def _opened(body: bytes, limits: Limits) -> ImageFile.ImageFile:
    if body.startswith(b"GIF8"):
        _check_size(gif_size(body), limits)
    if body.startswith(PREFIXES):
        return open_tiff(body)
    if is_for_iphone(body):
        raise unsupported("PNG for iPhone applications")
    try:
        return Image.open(io.BytesIO(body), formats=FORMATS)
    except UnidentifiedImageError:
        if opener := Image.OPEN.get(PLUGINS.get(format_of(body) or "", "")):
            # Pillow conceals what the decoder of this format reports.
            opener[0](io.BytesIO(body), "")
        raise


def _load(image: Image.Image, size: int) -> PixelSource:
    try:
        return load(image)
    except OSError as error:
        if is_cut(image, size):
            raise RefusedImageError(Reason.TRUNCATED, f"TIFF: {error}") from error
        raise


def _check_size(size: tuple[int, int], limits: Limits, scans: int = 1) -> None:
    """Raise an error if an image has more pixels than the limit, or a decoder has to visit them too often."""
    width, height = size
    if width * height > limits.megapixels * 1e6:
        raise RefusedImageError(Reason.TOO_MANY_PIXELS, f"{width}x{height}, more than {limits.megapixels:g} megapixels")
    if width * height * scans > limits.megapixels * 1e6 * MAX_SCANS:
        detail = f"{width}x{height} in {scans:,} scans, more than {limits.megapixels:g} megapixels in {MAX_SCANS}"
        raise RefusedImageError(Reason.TOO_MANY_PIXELS, detail)


def _check(image: Image.Image, body: bytes, limits: Limits) -> None:
    _check_size(image.size, limits, scan_count(body) if image.format in {"JPEG", "MPO"} else 1)
    if image.mode == "CMYK" and image.format in {"JPEG", "MPO"} and "adobe" not in image.info:
        # Adobe's programs store the inverse. Without their mark, viewers disagree.
        raise unsupported("JPEG of four channels without Adobe's mark")


def _orientation(image: Image.Image) -> int:
    return image.orientation if isinstance(image, VerifiedTiff) else orientation_of(image)
