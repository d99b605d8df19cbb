"""Tests of colour profiles. The oracle is libvips, and LittleCMS used directly."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.settings import Limits

Encode = Callable[..., bytes]
SIDE = 224


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


def _pixels(body: bytes) -> np.ndarray:
    return decode(body, Limits()).pixels.astype(int)


def _photo() -> Image.Image:
    """Return a picture in sRGB whose colours other spaces contain, too."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    return Image.fromarray((np.stack([rows, columns, 1 - rows], axis=2) * 120 + 60).astype(np.uint8))


def _in(space: str, image: Image.Image) -> tuple[np.ndarray, bytes]:
    """Convert a picture to `p3` or `cmyk` with libvips, as Photoshop does; return its pixels and the profile."""
    source = pyvips.Image.new_from_array(np.asarray(image)).copy(interpretation="srgb")
    converted = source.icc_transform(space, input_profile="srgb", intent="relative", black_point_compensation=True)
    return converted.numpy(), bytes(converted.get("icc-profile-data"))


def _grey_profile() -> bytes:
    """Return a profile of grey with a gamma of 1: a file with a linear ramp, which viewers show brighter."""
    header = bytearray(128)
    header[4:8], header[8:12], header[12:24] = b"lcms", b"\2\x10\0\0", b"mntrGRAYXYZ "
    header[36:40], header[68:80] = b"acsp", bytes.fromhex("0000f6d6000100000000d32d")
    white = b"XYZ \0\0\0\0" + bytes.fromhex("0000f6d6000100000000d32d")
    curve = b"curv" + bytes(8)
    tags = (2).to_bytes(4, "big") + b"wtpt" + (156).to_bytes(4, "big") + (20).to_bytes(4, "big")
    tags += b"kTRC" + (176).to_bytes(4, "big") + (12).to_bytes(4, "big")
    body = bytes(header) + tags + white + curve
    return len(body).to_bytes(4, "big") + body[4:]


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF", "HEIF"])
def test_a_photo_in_display_p3_looks_like_one_in_srgb(image_format: str, picture: Encode) -> None:
    """Phones store Display P3. Its numbers differ from those of sRGB for the same colours."""
    stored, profile = _in("p3", _photo())
    assert np.abs(stored.astype(int) - np.asarray(_photo())).max() > 10
    options = {"lossless": True} if image_format == "WEBP" else {"quality": 95}
    body = picture(image_format, Image.fromarray(stored), icc_profile=profile, **options)
    difference = np.abs(_pixels(body) - np.asarray(_photo()))
    assert np.median(difference) <= (1 if image_format in {"PNG", "TIFF", "WEBP"} else 3)


@pytest.mark.parametrize("image_format", ["TIFF", "JPEG"])
def test_cmyk_with_a_profile_looks_like_srgb(image_format: str, picture: Encode) -> None:
    """The profile of a printing press tells which colours its inks make."""
    stored, profile = _in("cmyk", _photo())
    image = Image.frombytes("CMYK", (SIDE, SIDE), stored.tobytes())
    body = picture(image_format, image, icc_profile=profile, **({"quality": 100} if image_format == "JPEG" else {}))
    without = np.abs(np.asarray(image.convert("RGB")).astype(int) - np.asarray(_photo()))
    difference = np.abs(_pixels(body) - np.asarray(_photo()))
    assert difference.mean() < 4 < without.mean()


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_with_a_profile_is_converted(mode: str, picture: Encode) -> None:
    """The level 127 of a linear scale is the level 187 of sRGB; black and white are the same."""
    for level, expected in ((0, 0), (127, 187), (255, 255)):
        image = Image.new("L", (9, 9), level).convert(mode)
        pixels = _pixels(picture("PNG", image, icc_profile=_grey_profile()))
        assert np.abs(pixels - expected).max() <= 2


def test_grey_of_16_bits_with_a_profile_is_converted(picture: Encode) -> None:
    """As for 8 bits."""
    image = Image.fromarray(np.full((9, 9), 127 * 257, np.uint16))
    assert np.abs(_pixels(picture("PNG", image, icc_profile=_grey_profile())) - 187).max() <= 2


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparency_and_palettes_have_profiles_as_well(mode: str, picture: Encode) -> None:
    """Colours are converted before they are put on white."""
    _, profile = _in("p3", _photo())
    image = Image.new("RGBA", (9, 9), (200, 40, 40, 128)) if mode == "RGBA" else Image.new("RGB", (9, 9), (200, 40, 40))
    body = picture("PNG", image.quantize(4) if mode == "P" else image, icc_profile=profile)
    opaque = _pixels(picture("PNG", Image.new("RGB", (9, 9), (200, 40, 40)), icc_profile=profile))
    expected = (opaque * 128 + 255 * 127) / 255 if mode == "RGBA" else opaque
    assert opaque[0, 0, 0] > 205
    assert np.abs(_pixels(body) - expected).max() <= 2


@pytest.mark.parametrize(
    "profile", [b"nonsense", _grey_profile()[:100], bytes(500), _grey_profile()], ids=["text", "cut", "zeros", "grey"]
)
def test_a_profile_that_can_not_be_used_is_ignored(profile: bytes, picture: Encode) -> None:
    """A broken profile, and one of another colour space than the image, changes nothing."""
    for image_format in ("PNG", "JPEG", "TIFF"):
        body = picture(image_format, _photo(), icc_profile=profile)
        np.testing.assert_array_equal(_pixels(body), _pixels(picture(image_format, _photo())))


def test_a_profile_of_srgb_changes_no_pixel(picture: Encode) -> None:
    """Most files with a profile have one of sRGB, and cost no conversion."""
    created = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = pyvips.Image.new_from_array(np.asarray(_photo())).copy(interpretation="srgb")
    other = bytes(source.icc_transform("srgb", input_profile="srgb").get("icc-profile-data"))
    for profile in (created, other):
        np.testing.assert_array_equal(_pixels(picture("PNG", _photo(), icc_profile=profile)), np.asarray(_photo()))


def test_littlecms_used_directly_agrees(picture: Encode) -> None:
    """The conversion is the perceptual one of Pillow's own function."""
    stored, profile = _in("p3", _photo())
    expected = ImageCms.profileToProfile(
        Image.fromarray(stored), ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    )
    pixels = _pixels(picture("PNG", Image.fromarray(stored), icc_profile=profile))
    assert np.abs(pixels - np.asarray(expected)).max() <= 1
