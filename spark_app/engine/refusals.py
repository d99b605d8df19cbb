"""Refusals of images: the formats that can't be read, by name, and the reason of a decoder's error."""

from PIL import UnidentifiedImageError

from contract.rejects import Reason
from spark_app.engine.jpeg import variant_of

CAMERA_RAW = "camera raw"

SUPPORTED_SIGNATURES = {
    (0, b"\xff\xd8\xff"): "JPEG",
    (0, b"\x89PNG"): "PNG",
    (0, b"GIF8"): "GIF",
    (8, b"WEBP"): "WebP",
    (4, b"ftypavi"): "AVIF",
    (4, b"ftyphei"): "HEIC",
    (4, b"ftypmif1"): "HEIF",
    (0, b"II*\x00"): "TIFF",
    (0, b"MM\x00*"): "TIFF",
    (0, b"II+\x00"): "TIFF",
    (0, b"MM\x00+"): "TIFF",
}
"""Formats that the pipeline reads, by offset and bytes of their signature."""
UNSUPPORTED_SIGNATURES = {
    (8, b"CR\x02"): CAMERA_RAW,
    (4, b"ftypcrx "): CAMERA_RAW,
    (0, b"FUJIFILMCCD-RAW"): CAMERA_RAW,
    (0, b"IIRO"): CAMERA_RAW,
    (0, b"IIRS"): CAMERA_RAW,
    (0, b"MMOR"): CAMERA_RAW,
    (0, b"IIU\x00"): CAMERA_RAW,
    (0, b"FOVb"): CAMERA_RAW,
    (0, b"\x00MRM"): CAMERA_RAW,
    (6, b"HEAPCCDR"): CAMERA_RAW,
    (0, b"%PDF"): "PDF",
    (0, b"%!PS"): "PostScript",
    (0, b"\xc5\xd0\xd3\xc6"): "PostScript",
    (0, b"8BPS"): "Photoshop",
    (0, b"<svg"): "SVG",
    (0, b"<?xml"): "XML or SVG",
    (0, b"\x00\x00\x01\x00"): "Windows icon",
    (0, b"\x00\x00\x02\x00"): "Windows cursor",
    (0, b"icns"): "Apple icon",
    (0, b"\xff\x0a"): "JPEG XL",
    (4, b"JXL "): "JPEG XL",
    (4, b"jP  "): "JPEG 2000",
    (0, b"\xff\x4f\xff\x51"): "JPEG 2000",
    (0, b"II\xbc\x01"): "JPEG XR",
    (0, b"v/1\x01"): "OpenEXR",
    (0, b"#?RADIANCE"): "Radiance HDR",
    (0, b"#?RGBE"): "Radiance HDR",
    **{(0, b"P%d%c" % (number, space)): "PBM, PGM or PPM" for number in range(1, 8) for space in b" \t\r\n"},
    (0, b"qoif"): "QOI",
    (0, b"DDS "): "DirectDraw surface",
    (0, b"gimp xcf"): "GIMP",
    (0, b"BPG\xfb"): "BPG",
    (0, b"FLIF"): "FLIF",
    (0, b"AT&TFORM"): "DjVu",
    (0, b"\x8aMNG"): "MNG",
    (0, b"\x8bJNG"): "JNG",
    (0, b"farbfeld"): "farbfeld",
    (0, b"SIMPLE  ="): "FITS",
    (0, b"\x01\xda"): "SGI image",
    (0, b"\x59\xa6\x6a\x95"): "Sun raster",
    (0, b"\xd7\xcd\xc6\x9a"): "Windows metafile",
    (4, b"ftypjp2"): "JPEG 2000",
    (4, b"ftypjpx"): "JPEG 2000",
    (4, b"ftypmsf1"): "HEIF sequence",
    (4, b"ftyphev"): "HEIF sequence",
    (4, b"ftypmiaf"): "HEIF of another codec",
    (4, b"ftypjpe"): "HEIF of another codec",
    (4, b"ftypj2k"): "HEIF of another codec",
    (4, b"ftypavc"): "HEIF of another codec",
    (4, b"ftypvvi"): "HEIF of another codec",
    (4, b"ftypunif"): "HEIF of another codec",
    (4, b"ftyp"): "video",
    (0, b"\x1aE\xdf\xa3"): "video",
    (8, b"AVI "): "video",
    (0, b"PK\x03\x04"): "ZIP archive",
}
"""Formats that the pipeline does not read."""

TRUNCATION_WORDS = ("truncat", "unexpected end", "end of file", "premature", "not enough data")
"""Parts of the messages of decoders that report a missing end of the file."""

VARIANT_WORDS = (
    "unsupported",
    "not supported",
    "not yet supported",
    "cannot handle",
    "unknown pixel mode",
    "unknown data organization",
    "more samples per pixel than",
    "invalid value for samples per pixel",
    "unknown raw mode",
)
"""Parts of the messages of decoders that report a valid variant of a format that they can't read."""


class RefusedImageError(Exception):
    """The image can't be used. The run records it as refused, and continues."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def unsupported(variant: str) -> RefusedImageError:
    """Return the refusal of a format, or of a variant of a format, that the pipeline does not read."""
    return RefusedImageError(Reason.UNSUPPORTED_FORMAT, variant)


def format_of(body: bytes) -> str | None:
    """Return the name of a format that the pipeline reads, by the signature of a file."""
    is_bmp = body.startswith(b"BM") and body[6:10] == b"\0\0\0\0"
    return "BMP" if is_bmp else _matching(body, SUPPORTED_SIGNATURES)


def other_format_of(body: bytes) -> str | None:
    """Return the name of a format that the pipeline does not read, by the signature of a file."""
    return _matching(body.lstrip(), UNSUPPORTED_SIGNATURES) or _matching(body, UNSUPPORTED_SIGNATURES)


def refusal_of(body: bytes, error: Exception) -> RefusedImageError:
    """Return the reason why a file can't be decoded.

    Parameters
    ----------
    error
        What the decoder raised.
    """
    name = format_of(body)
    if not name:
        other = other_format_of(body)
        return unsupported(other) if other else RefusedImageError(Reason.NOT_AN_IMAGE, f"starts with {body[:16]!r}")
    if isinstance(error, UnidentifiedImageError):
        return RefusedImageError(Reason.CORRUPT, f"{name} with a broken or missing beginning")
    detail = f"{name}: {' '.join(f'{error or type(error).__name__}'.split())[:200]}"
    if variant := _variant_of(name, body, detail):
        return unsupported(variant)
    return RefusedImageError(Reason.TRUNCATED if _is_truncated(body, error, detail) else Reason.CORRUPT, detail)


def _matching(body: bytes, signatures: dict[tuple[int, bytes], str]) -> str | None:
    return next((name for (at, signature), name in signatures.items() if body.startswith(signature, at)), None)


def _variant_of(name: str, body: bytes, message: str) -> str | None:
    if name == "JPEG" and (variant := variant_of(body)):
        return variant
    return message if any(word in message.lower() for word in VARIANT_WORDS) else None


def _is_truncated(body: bytes, error: Exception, detail: str) -> bool:
    return (
        isinstance(error, EOFError)
        or _is_truncated_webp(body)
        or any(word in detail.lower() for word in TRUNCATION_WORDS)
    )


def _is_truncated_webp(body: bytes) -> bool:
    """Return whether a WebP file is shorter than its header says, which its decoder does not report."""
    return body.startswith(b"RIFF") and int.from_bytes(body[4:8], "little") + 8 > len(body)
