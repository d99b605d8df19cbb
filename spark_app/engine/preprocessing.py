"""From the bytes of a file to the pixels that the network sees. Part of the model's identity (`PREPROCESSING`)."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from contract.rejects import Reason
from spark_app.settings import Limits

PREPROCESSING = "exif-orientation, RGB on white, Pillow bicubic 224x224, x/127.5-1; version 1"
"""Named in every model: features made with another preprocessing are another model's."""

SIZE = 224

# What the decoders of Pillow may be let loose on. EPS would start Ghostscript, and the rare ones are rarely fuzzed.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")

# How files start: (offset, bytes) → name.
READ_HERE = {
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
NOT_READ_HERE = {
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


# How the decoders' messages speak of a missing end.
CUT = ("truncat", "unexpected end", "end of file", "premature", "not enough data")


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """What the network sees of an image.

    Attributes
    ----------
    pixels
        Shape (224, 224, 3), uint8, RGB.
    width, height
        Of the image as a person sees it: after its orientation was applied.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int


class RefusedImageError(Exception):
    """An image without features; the run goes on."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def prepare_decoders() -> None:
    """Set up Pillow for this process: HEIC photos, and our own limit of pixels in place of its global one."""
    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None


def decode(body: bytes, limits: Limits) -> DecodedImage:
    """Decode an image as its viewer would see it, and bring it to the size of the network.

    Call `prepare_decoders` once in the process before.

    Parameters
    ----------
    body
        The bytes of the file.
    limits
        What it may cost.

    Raises
    ------
    RefusedImageError
        If there is no image to be had from these bytes.
    """
    if not body:
        raise RefusedImageError(Reason.EMPTY, "0 bytes")
    with warnings.catch_warnings():
        # Broken metadata of an image that can be read all the same is nobody's concern here.
        warnings.simplefilter("ignore")
        return _decode(body, limits)


def normalized(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Bring pixels from 0..255 to the network's -1..1, as float32 of the same shape."""
    return pixels * np.float32(1 / 127.5) - np.float32(1)


def _decode(body: bytes, limits: Limits) -> DecodedImage:
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as image:
            _check_size(image, limits)
            upright = ImageOps.exif_transpose(_loaded(image))
            width, height = upright.size
            resized = _to_rgb(upright).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            return DecodedImage(np.asarray(resized), width, height)
    except RefusedImageError:
        raise
    except UnidentifiedImageError:
        raise _unidentified(body) from None
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything on broken bytes, and one image is not the run
        raise _undecodable(body, error) from error


def _check_size(image: Image.Image, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.megapixels * 1e6:
        raise RefusedImageError(Reason.TOO_MANY_PIXELS, f"{width}x{height}, more than {limits.megapixels:g} megapixels")


def _loaded(image: Image.Image) -> Image.Image:
    image.load()
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in {"I;16", "I;16B", "I;16L", "I"}:
        # Pillow clips 16-bit grey to the 8 lower bits' range; the brighter half of the picture would be white.
        grey = np.asarray(image).astype(np.int64).clip(0, 65535) // 257
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise RefusedImageError(Reason.UNSUPPORTED_FORMAT, "floating-point pixels")
    if image.has_transparency_data:
        # What lies under transparent pixels is arbitrary, often black. On white is how fruit sites show them.
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _unidentified(body: bytes) -> RefusedImageError:
    if name := _format_of(body, READ_HERE):
        return RefusedImageError(Reason.CORRUPT, f"{name} whose beginning is cut or broken")
    if name := _format_of(body.lstrip(), NOT_READ_HERE) or _format_of(body, NOT_READ_HERE):
        return RefusedImageError(Reason.UNSUPPORTED_FORMAT, name)
    return RefusedImageError(Reason.NOT_AN_IMAGE, f"starts with {body[:16]!r}")


def _format_of(body: bytes, signatures: dict[tuple[int, bytes], str]) -> str | None:
    for (offset, signature), name in signatures.items():
        if body.startswith(signature, offset):
            return name
    return None


def _undecodable(body: bytes, error: Exception) -> RefusedImageError:
    detail = " ".join(f"{error or type(error).__name__}".split())[:200]
    cut = isinstance(error, EOFError) or _is_shorter_than_it_says(body) or any(w in detail.lower() for w in CUT)
    return RefusedImageError(Reason.TRUNCATED if cut else Reason.CORRUPT, detail)


def _is_shorter_than_it_says(body: bytes) -> bool:
    """Whether a WebP lacks its end: its decoder doesn't say."""
    return body.startswith(b"RIFF") and int.from_bytes(body[4:8], "little") + 8 > len(body)
