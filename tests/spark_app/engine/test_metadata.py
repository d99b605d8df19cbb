"""Tests that metadata, intact or not, never keeps the pipeline from the pixels of an image."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contract.rejects import Reason
from spark_app.engine.preprocessing import DecodedImage, decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Limits

Encode = Callable[..., bytes]
SIZE = (224, 224)
ORIENTATION = 0x0112
GARBAGE = b"Exif\0\0this is no TIFF file"


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


def _photo(size: tuple[int, int] = SIZE) -> Image.Image:
    columns, rows = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([columns, rows, 255 - columns], axis=2).astype(np.uint8))


def _read(body: bytes) -> DecodedImage:
    return decode(body, Limits())


def _refusal(body: bytes) -> RefusedImageError:
    with pytest.raises(RefusedImageError) as refusal:
        decode(body, Limits())
    return refusal.value


def _exif(*entries: bytes, order: str = "<") -> bytes:
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return b"Exif\0\0" + magic + struct.pack(f"{order}IH", 8, len(entries)) + b"".join(entries) + b"\0" * 4


def _entry(tag: int, kind: int, count: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0")


def _chunk(kind: bytes, content: bytes, *, length: int | None = None, crc: int | None = None) -> bytes:
    """Return a chunk of a PNG file, whose length or checksum may be wrong."""
    checksum = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content) if length is None else length) + kind + content + struct.pack(">I", checksum)


def _with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """Insert chunks after the header of a PNG file."""
    return png[:33] + b"".join(chunks) + png[33:]


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_broken_exif_changes_nothing(image_format: str, picture: Encode) -> None:
    """An image whose EXIF can't be read is shown as one without EXIF."""
    expected = _read(picture(image_format, _photo()))
    body = picture(image_format, _photo(), exif=_exif())
    broken = body.replace(_exif()[6:], GARBAGE[6:].ljust(len(_exif()) - 6, b"?")[: len(_exif()) - 6])
    if image_format == "PNG":
        broken = _with_chunks(picture("PNG", _photo()), _chunk(b"eXIf", GARBAGE[6:]))
    assert broken != body
    np.testing.assert_array_equal(_read(broken).pixels, expected.pixels)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize(
    "odd",
    [
        (0x010F, 5, 1, b"\xff\xff\xff\x7f"),  # the maker of the camera as a fraction behind the end
        (0x0100, 2, 4, b"120\0"),  # the width as text
        (0x8769, 4, 1, b"\xff\xff\xff\xff"),  # a directory behind the end
        (0x0110, 99, 1, b""),  # an unknown type
        (0x0131, 2, 0xFFFFFFFF, b""),  # 4 GB of text
    ],
    ids=lambda odd: hex(odd[0]),
)
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_is_read_beside_odd_entries(
    odd: tuple[int, int, int, bytes], kind: int, order: str, image_format: str, picture: Encode
) -> None:
    """A photo becomes upright, regardless of what else its EXIF says and of the type of the number."""
    number = struct.pack({1: "B", 3: f"{order}H", 4: f"{order}I"}[kind], 6)
    exif = _exif(_entry(*odd, order=order), _entry(ORIENTATION, kind, 1, number, order), order=order)
    decoded = _read(picture(image_format, _photo((120, 80)), exif=exif, **_exact(image_format)))
    assert (decoded.width, decoded.height) == (80, 120)
    upright = _read(picture(image_format, _photo((120, 80)), **_exact(image_format)))
    assert np.abs(np.rot90(upright.pixels.astype(int), -1) - decoded.pixels).max() <= 2


def _exact(image_format: str) -> dict[str, object]:
    return {"lossless": True} if image_format == "WEBP" else {}


TEXT = b"Comment\0" + b"x" * 2_000_000
ODD_CHUNKS = {
    "text with a bad checksum": [_chunk(b"tEXt", b"Comment\0hello", crc=1)],
    "2 MB of compressed text": [_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(TEXT))],
    "80 MB of text": [_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 900_000))] * 90,
    "2 MB of international text": [_chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(TEXT))],
    "text of an unknown method": [_chunk(b"zTXt", b"Comment\0\7" + zlib.compress(b"hello"))],
    "a profile of 3 MB": [_chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(3_000_000)))],
    "a profile of an unknown method": [_chunk(b"iCCP", b"icc\0\7" + zlib.compress(b"hello"))],
    "a profile without a name": [_chunk(b"iCCP", b"icc")],
    "short resolution": [_chunk(b"pHYs", b"\0\0\0\1")],
    "a short gamma": [_chunk(b"gAMA", b"\0")],
    "short chromaticities": [_chunk(b"cHRM", b"\0\0\0\1")],
    "an empty sRGB": [_chunk(b"sRGB", b"")],
    "a length that is too large": [_chunk(b"tEXt", b"Comment\0hello", length=400)],
    "a length behind the end": [_chunk(b"tEXt", b"Comment\0hello", length=0x7FFFFFFF)],
    "a length that is too small": [_chunk(b"tEXt", b"Comment\0hello", length=3)],
    "a broken animation": [_chunk(b"acTL", b"\0"), _chunk(b"fcTL", b"\0")],
    "an animation out of order": [_chunk(b"acTL", struct.pack(">II", 2, 0)), _chunk(b"fcTL", bytes(26), crc=3)],
    "EXIF with a bad checksum": [_chunk(b"eXIf", _exif()[6:], crc=1)],
    "bad digits": [_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 4\nnohex\n"))],
    "a private chunk with a bad checksum": [_chunk(b"prVt", b"hello", crc=1)],
}


@pytest.mark.parametrize("kind", ODD_CHUNKS)
def test_chunks_without_pixels_are_dropped(kind: str, picture: Encode) -> None:
    """A damaged or very large chunk that holds no pixels changes nothing, before the pixels and after them."""
    png = picture("PNG", _photo())
    np.testing.assert_array_equal(_read(_with_chunks(png, *ODD_CHUNKS[kind])).pixels, np.asarray(_photo()))
    after = png[:-12] + b"".join(ODD_CHUNKS[kind]) + png[-12:]
    np.testing.assert_array_equal(_read(after).pixels, np.asarray(_photo()))


def test_the_orientation_survives_a_broken_neighbour(picture: Encode) -> None:
    """The orientation is kept when another chunk, or another segment, keeps the decoder from the file."""
    exif = _exif(_entry(ORIENTATION, 3, 1, b"\x06\0"))
    png = _with_chunks(picture("PNG", _photo((120, 80)), exif=exif), *ODD_CHUNKS["a short gamma"])
    assert _read(_with_chunks(png, *ODD_CHUNKS["text with a bad checksum"])).height == 120
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
    stored = _chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    png = picture("PNG", _photo((120, 80)))
    assert _read(_with_chunks(png, stored)).height == 120
    assert _read(_with_chunks(png, stored, *ODD_CHUNKS["text with a bad checksum"])).height == 120


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_damaged_pixels_of_a_png_are_refused(kind: bytes, picture: Encode) -> None:
    """What is dropped is metadata alone: a flipped bit in a chunk of pixels is found."""
    png = bytearray(_with_chunks(picture("PNG", _photo()), *ODD_CHUNKS["text with a bad checksum"]))
    png[png.index(kind) + 8] ^= 0x10
    assert _refusal(bytes(png)).reason in {Reason.CORRUPT, Reason.TRUNCATED, Reason.TOO_MANY_PIXELS}


SEGMENTS = {
    "EXIF": b"\xff\xe1",
    "a profile": b"\xff\xe2",
    "Photoshop": b"\xff\xed",
    "a comment": b"\xff\xfe",
    "several pictures": b"\xff\xe2",
}
CONTENTS = {
    "EXIF": GARBAGE,
    "a profile": b"ICC_PROFILE\0",
    "Photoshop": b"Photoshop 3.0\x008BIM",
    "several pictures": b"MPF\0II",
}


@pytest.mark.parametrize("kind", SEGMENTS)
def test_segments_without_pixels_are_dropped(kind: str, picture: Encode) -> None:
    """A damaged segment of a JPEG file that holds no pixels changes nothing."""
    jpeg, content = picture("JPEG", _photo()), CONTENTS.get(kind, b"")
    segment = SEGMENTS[kind] + struct.pack(">H", len(content) + 2) + content
    np.testing.assert_array_equal(_read(jpeg[:2] + segment + jpeg[2:]).pixels, _read(jpeg).pixels)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 5}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_only_the_end_marker_is_missing(mode: str, options: dict[str, object], picture: Encode) -> None:
    """A JPEG file that lacks nothing but its end marker, or half of it, is read."""
    jpeg = picture("JPEG", _photo().convert(mode), **options)
    for whole in (jpeg[:-2], jpeg[:-1]):
        np.testing.assert_array_equal(_read(whole).pixels, _read(jpeg).pixels)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 5}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_without_its_last_pixels_is_truncated(mode: str, options: dict[str, object], picture: Encode) -> None:
    """Where pixels are missing, be it a few of them, the file is truncated, with and without zeros at its end."""
    rng = np.random.default_rng(3)
    image = Image.fromarray(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)).convert(mode)
    jpeg = picture("JPEG", image, **options)
    for missing in (5, 10, 100, len(jpeg) // 2, len(jpeg) - 700):
        assert _refusal(jpeg[:-missing]).reason is Reason.TRUNCATED
        assert _refusal(jpeg[:-missing] + bytes(missing)).reason is Reason.TRUNCATED


def test_a_jpeg_may_be_followed_by_anything(picture: Encode) -> None:
    """Cameras append films, previews and zeros to photos."""
    jpeg = picture("JPEG", _photo())
    for rest in (bytes(1000), b"film" + bytes(1000), jpeg + bytes(1000)):
        np.testing.assert_array_equal(_read(jpeg + rest).pixels, _read(jpeg).pixels)


def test_a_progressive_jpeg_without_its_last_scans_is_truncated(picture: Encode) -> None:
    """The first scans of a progressive file are a whole, blurred picture; a preview in the metadata changes nothing."""
    thumbnail = picture("JPEG", _photo((40, 30)))
    jpeg = picture("JPEG", _photo(), progressive=True, exif=b"Exif\0\0" + thumbnail)
    starts = [at for at in range(len(thumbnail) + 100, len(jpeg)) if jpeg.startswith(b"\xff\xda", at)]
    assert len(starts) > 5
    for start in starts[1:]:
        end = jpeg.rindex(b"\xff\xc4", 0, start) if b"\xff\xc4" in jpeg[start - 40 : start] else start
        assert _refusal(jpeg[:end]).reason is Reason.TRUNCATED


CASES = Path(os.environ.get("FRUITS_TEST_CASES", Path(__file__).parents[4] / "shared" / "cases"))


@pytest.mark.parametrize("name", ["meta_*", "whole_*"])
def test_examples_of_odd_metadata_are_read(name: str) -> None:
    """Files that programs and damage really make show the picture that they contain."""
    if not CASES.is_dir():
        pytest.skip(f"there are no examples in {CASES}")
    with Image.open(CASES / "picture.png") as image:
        whole = image.convert("RGB")
    for file in sorted(CASES.glob(name)):
        expected = whole.transpose(Image.Transpose.ROTATE_270) if "rotated" in file.name else whole
        pixels = _read(file.read_bytes()).pixels.astype(int)
        assert np.abs(pixels - np.asarray(expected.resize(SIZE, Image.Resampling.BICUBIC))).max() <= 4, file.name
