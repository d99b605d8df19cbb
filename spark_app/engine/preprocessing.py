"""Decoding of files to the pixels that the network receives. It is part of the model's identity (`PREPROCESSING`)."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from contract.rejects import Reason
from spark_app.engine.interface import Features, Pixels
from spark_app.settings import Limits

PREPROCESSING = "exif-orientation, RGB on white, Pillow bicubic 224x224, x/127.5-1; version 1"
"""Description of the preprocessing. Another preprocessing is another model."""

SIZE = 224

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")
"""Formats that Pillow may decode. EPS would start Ghostscript, and decoders of rare formats are rarely fuzzed."""

SUPPORTED_SIGNATURES = {
    (0, b"\xff\xd8\xff"): "JPEG",
    (0, b"\x89PNG"): "PNG",
    (0, b"GIF8"): "GIF",
    (8, b"WEBP"): "WebP",
    (4, b"ftypavif"): "AVIF",
    (4, b"ftyphei"): "HEIC",
    (4, b"ftypmif1"): "HEIF",
    (0, b"II*\x00"): "TIFF",
    (0, b"MM\x00*"): "TIFF",
}
"""Formats that the pipeline reads, by offset and bytes of their signature."""
UNSUPPORTED_SIGNATURES = {
    (0, b"%PDF"): "PDF",
    (0, b"%!PS"): "PostScript",
    (0, b"8BPS"): "Photoshop",
    (0, b"<svg"): "SVG",
    (0, b"<?xml"): "XML or SVG",
    (0, b"\x00\x00\x01\x00"): "Windows icon",
    (0, b"\xff\x0a"): "JPEG XL",
    (4, b"JXL "): "JPEG XL",
    (4, b"jP  "): "JPEG 2000",
    (4, b"ftyp"): "video",
    (0, b"\x1aE\xdf\xa3"): "video",
    (0, b"PK\x03\x04"): "ZIP archive",
}
"""Formats that the pipeline does not read."""

TRUNCATION_WORDS = ("truncat", "unexpected end", "end of file", "premature", "not enough data")
"""Parts of the messages of decoders that report a missing end of the file."""


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """The pixels of an image for the network, and its original size."""

    pixels: Pixels
    """Shape (224, 224, 3), RGB."""
    width: int
    """Original width in pixels, after the EXIF orientation was applied."""
    height: int
    """Original height in pixels, after the EXIF orientation was applied."""


class RefusedImageError(Exception):
    """The image can't be used. The run records it as refused, and continues."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def prepare_decoders() -> None:
    """Set up Pillow in this process: register HEIC, and disable its global limit of pixels in favour of `Limits`."""
    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None


def decode(body: bytes, limits: Limits) -> DecodedImage:
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
        return _decode(body, limits)


def normalized(pixels: Pixels) -> Features:
    """Map pixels from 0..255 to the range of the network, -1..1, as float32 of the same shape."""
    return pixels * np.float32(1 / 127.5) - np.float32(1)


def _decode(body: bytes, limits: Limits) -> DecodedImage:
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as image:
            _check_size(image, limits)
            image.load()
            upright = ImageOps.exif_transpose(image)
            width, height = upright.size
            resized = _to_rgb(upright).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            return DecodedImage(np.asarray(resized), width, height)
    except (RefusedImageError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise _unidentified(body) from None
    except Exception as error:  # decoders raise any exception for broken bytes, which must not fail the run
        raise _undecodable(body, error) from error


def _check_size(image: Image.Image, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.megapixels * 1e6:
        raise RefusedImageError(Reason.TOO_MANY_PIXELS, f"{width}x{height}, more than {limits.megapixels:g} megapixels")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in {"I;16", "I;16B", "I;16L", "I"}:
        # Pillow's own conversion clips 16-bit grey at 255, which turns most of the image white.
        grey = np.asarray(image).astype(np.int64).clip(0, 65535) // 257
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise RefusedImageError(Reason.UNSUPPORTED_FORMAT, "floating-point pixels")
    if image.has_transparency_data:
        # The colour of transparent pixels is arbitrary, often black. Fruit sites show such images on white.
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _unidentified(body: bytes) -> RefusedImageError:
    if name := _format_of(body, SUPPORTED_SIGNATURES):
        return RefusedImageError(Reason.CORRUPT, f"{name} with a broken or missing beginning")
    if name := _format_of(body.lstrip(), UNSUPPORTED_SIGNATURES) or _format_of(body, UNSUPPORTED_SIGNATURES):
        return RefusedImageError(Reason.UNSUPPORTED_FORMAT, name)
    return RefusedImageError(Reason.NOT_AN_IMAGE, f"starts with {body[:16]!r}")


def _format_of(body: bytes, signatures: dict[tuple[int, bytes], str]) -> str | None:
    return next((name for (at, signature), name in signatures.items() if body.startswith(signature, at)), None)


def _undecodable(body: bytes, error: Exception) -> RefusedImageError:
    detail = " ".join(f"{error or type(error).__name__}".split())[:200]
    is_truncated = (
        isinstance(error, EOFError)
        or _is_truncated_webp(body)
        or any(word in detail.lower() for word in TRUNCATION_WORDS)
    )
    return RefusedImageError(Reason.TRUNCATED if is_truncated else Reason.CORRUPT, detail)


def _is_truncated_webp(body: bytes) -> bool:
    """Return whether a WebP file is shorter than its header says, which its decoder does not report."""
    return body.startswith(b"RIFF") and int.from_bytes(body[4:8], "little") + 8 > len(body)
