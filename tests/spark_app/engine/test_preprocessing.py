"""Tests of the decoding of images, and of the reasons of refusals. Pillow is the oracle."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from cli.sample import BROKEN
from contract.rejects import Reason
from spark_app.engine.preprocessing import decode, normalized, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Limits

Encode = Callable[..., bytes]
ORIENTATION = 0x0112


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


def _reduced(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))


def _picture(size: tuple[int, int] = (120, 80)) -> Image.Image:
    """Return a picture whose corners differ."""
    columns, rows = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([columns, rows, 255 - columns], axis=2).astype(np.uint8))


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG", "AVIF", "HEIF"])
def test_every_format_is_read(image_format: str, picture: Encode) -> None:
    """Lossless formats are read exactly, other formats (iPhones make HEIC) as closely as their compression allows."""
    image = _picture().quantize() if image_format == "GIF" else _picture()
    options = {"lossless": True} if image_format == "WEBP" else {}
    decoded = decode(picture(image_format, image, **options), Limits())
    difference = np.abs(decoded.pixels.astype(int) - _reduced(image)).max()
    assert difference <= (24 if image_format in {"JPEG", "AVIF", "HEIF"} else 0)
    assert (decoded.width, decoded.height) == (120, 80)


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "P", "LAB"])
def test_every_mode_becomes_rgb(mode: str, picture: Encode) -> None:
    """Grey, CMYK, bilevel, palette and LAB images look as Pillow shows them."""
    image = (
        ImageCms.profileToProfile(
            _picture(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        if mode == "LAB"
        else _picture().convert(mode)
    )
    np.testing.assert_array_equal(decode(picture("TIFF", image), Limits()).pixels, _reduced(image))


def test_16_bit_grey_keeps_its_tones(picture: Encode) -> None:
    """A ramp of 16 bits is the same ramp of 8 bits, and not white from 256 on."""
    ramp = np.linspace(0, 65535, 120).astype(np.uint16)[np.newaxis].repeat(80, axis=0)
    expected = _reduced(Image.fromarray((ramp // 257).astype(np.uint8)))
    np.testing.assert_array_equal(decode(picture("PNG", Image.fromarray(ramp)), Limits()).pixels, expected)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_is_white(mode: str, picture: Encode) -> None:
    """Transparent pixels become white, regardless of their hidden colour."""
    image = Image.new("RGBA", (50, 50), (10, 20, 30, 0)).convert(mode)
    options = {"transparency": 0} if mode == "P" else {}
    assert decode(picture("PNG", image, **options), Limits()).pixels.min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_photo_becomes_upright(orientation: int, picture: Encode) -> None:
    """The pipeline applies the EXIF orientation: all eight orientations show the same picture."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    upright = _picture()
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    decoded = decode(picture("PNG", stored, exif=exif), Limits())
    np.testing.assert_array_equal(decoded.pixels, _reduced(upright))
    assert (decoded.width, decoded.height) == upright.size


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (224, 224)])
def test_any_shape_is_read(size: tuple[int, int], picture: Encode) -> None:
    """Images of one pixel and of one line of pixels are read."""
    decoded = decode(picture("PNG", Image.new("RGB", size, (200, 30, 30))), Limits())
    assert decoded.pixels.shape == (224, 224, 3)
    assert (decoded.width, decoded.height) == size


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_read(image_format: str, picture: Encode) -> None:
    """The pipeline reads the frame that a browser shows first."""
    red, blue = Image.new("RGB", (20, 20), (255, 0, 0)), Image.new("RGB", (20, 20), (0, 0, 255))
    body = picture(image_format, red, save_all=True, append_images=[blue], lossless=True)
    assert decode(body, Limits()).pixels.reshape(-1, 3).mean(axis=0).argmax() == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    {
        "bomb.png": Reason.TOO_MANY_PIXELS,
        "empty.jpg": Reason.EMPTY,
        "half.jpg": Reason.TRUNCATED,
        "half.png": Reason.TRUNCATED,
        "manual.pdf": Reason.UNSUPPORTED_FORMAT,
        "scrambled.png": Reason.CORRUPT,
        "text.jpg": Reason.NOT_AN_IMAGE,
    }.items(),
)
def test_every_kind_of_broken_file_has_its_reason(name: str, reason: Reason) -> None:
    """The reason tells the user what to do about the file. The sample has one file for each reason."""
    with pytest.raises(RefusedImageError) as refusal:
        decode(BROKEN[name](), Limits())
    assert refusal.value.reason is reason
    assert refusal.value.detail


@pytest.mark.parametrize("image_format", ["WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF"])
def test_half_a_file_of_any_format_is_refused(image_format: str, picture: Encode) -> None:
    """The pipeline never uses the readable part of a truncated file, whose features would mislead."""
    body = picture(image_format, _picture())
    with pytest.raises(RefusedImageError) as refusal:
        decode(body[: len(body) // 2], Limits())
    assert refusal.value.reason in {Reason.TRUNCATED, Reason.CORRUPT}


@pytest.mark.parametrize(("megapixels", "is_read"), [(0.0095, False), (0.0096, True)])
def test_the_limit_of_pixels_can_be_set(megapixels: float, is_read: bool, picture: Encode) -> None:  # noqa: FBT001
    """An image of 120x80 pixels passes a limit of exactly as many pixels, but no lower limit."""
    body = picture("PNG", _picture())
    if is_read:
        assert decode(body, Limits(megapixels=megapixels)).width == 120
    else:
        with pytest.raises(RefusedImageError, match="120x80"):
            decode(body, Limits(megapixels=megapixels))


def test_a_limit_above_pillows_own_is_honoured(picture: Encode) -> None:
    """Pillow itself refuses more than 179 megapixels, but a user who allows 200 gets 200."""
    body = picture("PNG", Image.new("1", (14_000, 12_850)))
    assert decode(body, Limits(megapixels=200)).width == 14_000


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damaged_file_fails_the_run(data: st.DataObject) -> None:
    """A damaged file gives pixels or a refusal, and never another exception."""
    image_format = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "HEIF"]))
    buffer = io.BytesIO()
    _picture((40, 30)).save(buffer, image_format)
    body = bytearray(buffer.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=20)):
        body[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(RefusedImageError):
        assert decode(bytes(body), Limits(megapixels=1)).pixels.shape == (224, 224, 3)


def test_pixels_are_normalized_to_what_keras_expects() -> None:
    """0 becomes -1 and 255 becomes 1, as in `keras.applications.mobilenet_v2.preprocess_input`."""
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(normalized(pixels), pixels / 127.5 - 1, atol=1e-6)
    assert normalized(pixels).dtype == np.float32


def test_real_photos_are_read_as_pillow_reads_them(real_data: Path) -> None:
    """Photos of shops are read like drawn pictures."""
    photos = sorted(real_data.glob("photos/*/*.jpg"))[::10]
    assert photos
    for photo in photos:
        np.testing.assert_array_equal(decode(photo.read_bytes(), Limits()).pixels, _reduced(Image.open(photo)))
