"""Tests of the names of formats, and of variants of formats, that the pipeline does not read."""

import struct
from collections.abc import Callable

import pytest
from PIL import Image

from contract.rejects import Reason
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Limits

Encode = Callable[..., bytes]


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


def _refusal(body: bytes) -> RefusedImageError:
    with pytest.raises(RefusedImageError) as refusal:
        decode(body, Limits())
    return refusal.value


FORMATS = {
    "camera raw": [
        b"II*\0\x10\0\0\0CR\2\0", b"\0\0\0\x18ftypcrx \0\0\0\1", b"FUJIFILMCCD-RAW 0201", b"IIRO\x08\0\0\0",
        b"IIRS\x08\0\0\0", b"MMOR\0\0\0\x08", b"IIU\0\x18\0\0\0", b"FOVb\0\0\2\0", b"\0MRM\0\0\0\0",
        b"II\x1a\0\0\0HEAPCCDR",
    ],
    "Photoshop": [b"8BPS\0\1"],
    "JPEG 2000": [b"\0\0\0\x0cjP  \r\n", b"\xff\x4f\xff\x51\0\x2f"],
    "JPEG XL": [b"\xff\x0a\xfa\x7f", b"\0\0\0\x0cJXL \r\n"],
    "JPEG XR": [b"II\xbc\x01\x20\0\0\0"],
    "OpenEXR": [b"v/1\x01\2\0\0\0"],
    "Radiance HDR": [b"#?RADIANCE\n"],
    "PBM, PGM or PPM": [b"P6\n4 4\n255\n", b"P3 4 4 255"],
    "HEIF sequence": [b"\0\0\0\x18ftypmsf1", b"\0\0\0\x18ftyphevc"],
    "HEIF of another codec": [b"\0\0\0\x18ftypjpeg", b"\0\0\0\x18ftypavci"],
    "video": [b"\0\0\0\x18ftypqt  ", b"RIFF\0\0\0\0AVI LIST"],
    "QOI": [b"qoif\0\0\0\4"],
    "DjVu": [b"AT&TFORM\0\0"],
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_named(name: str) -> None:
    """Files that other programs read are refused with the name of their format."""
    for beginning in FORMATS[name]:
        refusal = _refusal(beginning + bytes(200))
        assert (refusal.reason, refusal.detail) == (Reason.UNSUPPORTED_FORMAT, name)


@pytest.mark.parametrize(
    ("marker", "bits", "channels", "name"),
    [
        (0xC1, 12, 3, "JPEG of 12 bits"),
        (0xC3, 8, 3, "lossless JPEG"),
        (0xC3, 16, 1, "lossless JPEG"),
        (0xC5, 8, 3, "hierarchical JPEG"),
        (0xF7, 8, 3, "JPEG-LS"),
        (0xC0, 8, 2, "JPEG of 2 channels"),
        (0xC0, 8, 5, "JPEG of 5 channels"),
    ],
)
def test_variants_of_jpeg_are_named(marker: int, bits: int, channels: int, name: str) -> None:
    """Kinds of JPEG that Pillow does not read are not called damaged."""
    content = struct.pack(">BHHB", bits, 16, 16, channels) + b"".join(bytes([c, 17, 0]) for c in range(channels))
    frame = bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + bytes(20)
    refusal = _refusal(b"\xff\xd8\xff\xe0\0\x04ab" + frame + scan + b"\xff\xd9")
    assert (refusal.reason, refusal.detail) == (Reason.UNSUPPORTED_FORMAT, name)


@pytest.mark.parametrize("compression", [4, 5, 11])
def test_a_bmp_of_another_compression_is_named(compression: int, picture: Encode) -> None:
    """A BMP file may contain a JPEG or PNG file, or CMYK."""
    body = bytearray(picture("BMP", Image.new("RGB", (8, 8))))
    body[30:34] = struct.pack("<I", compression)
    refusal = _refusal(bytes(body))
    assert refusal.reason is Reason.UNSUPPORTED_FORMAT
    assert "BMP" in refusal.detail


def test_a_png_for_iphone_applications_is_named(picture: Encode) -> None:
    """Xcode changes PNG files so that other programs can't read them."""
    png = picture("PNG")
    refusal = _refusal(png[:8] + b"\0\0\0\4CgBI\x50\0\x20\2\x2b\xd5\xb3\x7f" + png[8:])
    assert (refusal.reason, refusal.detail) == (Reason.UNSUPPORTED_FORMAT, "PNG for iPhone applications")


def test_text_is_no_bmp() -> None:
    """A text that begins like a BMP file is no image."""
    assert _refusal(b"BMW is a company").reason is Reason.NOT_AN_IMAGE
