"""Tests of the decoding at a reduced scale. Pillow's `draft` and the decoding in full are the oracles."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from contract.rejects import Reason
from spark_app.engine.isolated_decoder import IsolatedDecoder
from spark_app.engine.metadata import ORIENTATION, TRANSPOSITIONS
from spark_app.engine.preprocessing import DecodedImage, decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.engine.scaling import LEAST, SCALES, scale_of
from spark_app.settings import Decoding, Limits

Encode = Callable[..., bytes]
SIZE = (1401, 1347)
"""The smallest sides that are divided by 2, and that 2 does not divide."""


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


def _photo(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    """Return a picture with smooth forms, fine texture and four different corners."""
    columns, rows = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    forms = np.stack([columns, rows, np.sin(9 * columns * rows) ** 2], axis=2) * 200
    texture = np.random.default_rng(1).normal(25, 12, (*forms.shape[:2], 1))
    return Image.fromarray((forms + texture).clip(0, 255).astype(np.uint8)).convert(mode)


def _both(body: bytes) -> tuple[DecodedImage, DecodedImage]:
    return decode(body, Limits(), Decoding.SCALED), decode(body, Limits(), Decoding.FULL)


def _difference(one: DecodedImage, other: DecodedImage) -> int:
    return int(np.abs(one.pixels.astype(int) - other.pixels).max())


@given(size=st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)))
def test_no_side_falls_below_the_least(size: tuple[int, int]) -> None:
    """The scale is the largest that leaves three times the size of the network, which is more than twice, or 1."""
    scale = scale_of(size)
    assert LEAST >= 2 * 224
    assert scale == 1 or min(size) // scale >= LEAST
    assert all(min(size) // larger < LEAST for larger in SCALES if larger > scale)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_scaled_image_is_what_pillow_drafts(data: st.DataObject) -> None:
    """The pixels are those of Pillow's draft, reduced from the part of it that the image covers."""
    size = data.draw(st.tuples(st.integers(2 * LEAST, 5 * LEAST), st.integers(2 * LEAST, 5 * LEAST)))
    mode = data.draw(st.sampled_from(["RGB", "L"]))
    buffer = io.BytesIO()
    image = Image.effect_noise((size[0] // 9, size[1] // 9), 90).resize(size).convert(mode)
    image.save(buffer, "JPEG", progressive=data.draw(st.booleans()), quality=data.draw(st.integers(30, 95)))
    scale = scale_of(size)
    with Image.open(buffer) as drafted:
        drafted.draft(None, (size[0] // scale, size[1] // scale))
        covered = (0, 0, size[0] / scale, size[1] / scale)
        expected = drafted.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC, covered)
    decoded = decode(buffer.getvalue(), Limits(), Decoding.SCALED)
    np.testing.assert_array_equal(decoded.pixels, np.asarray(expected))
    assert (decoded.width, decoded.height) == size


@settings(max_examples=15, deadline=None)
@given(short=st.integers(1, 2 * LEAST - 1), long=st.integers(1, 3 * LEAST), is_tall=st.booleans())
def test_a_small_image_is_read_as_in_full(short: int, long: int, is_tall: bool) -> None:  # noqa: FBT001
    """An image of which one side is too short for half the scale has exactly the pixels of decoding in full."""
    buffer = io.BytesIO()
    size = (short, long) if is_tall else (long, short)
    Image.effect_noise((7, 7), 90).resize(size).save(buffer, "JPEG")
    assert _difference(*_both(buffer.getvalue())) == 0


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
def test_other_formats_are_read_in_full(image_format: str, picture: Encode) -> None:
    """Only JPEG can be decoded at a reduced scale; JPEG within TIFF counts as TIFF."""
    options = {"compression": "jpeg"} if image_format == "TIFF" else {}
    assert _difference(*_both(picture(image_format, _photo(), **options))) == 0


KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "JPEG": ("RGB", {"quality": 90}),
    "progressive": ("RGB", {"quality": 90, "progressive": True}),
    "4:4:4": ("RGB", {"quality": 90, "subsampling": 0}),
    "grey": ("L", {"quality": 90}),
    "CMYK": ("CMYK", {"quality": 90}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_scaled_image_looks_like_the_whole_one(kind: str, picture: Encode) -> None:
    """Every kind of JPEG, and MPO, has nearly the same pixels, none of them displaced, and its own width and height."""
    mode, options = KINDS[kind]
    scaled, full = _both(picture("JPEG", _photo(mode=mode), **options))
    assert 0 < _difference(scaled, full) <= 6
    assert (scaled.width, scaled.height) == (full.width, full.height) == SIZE


def test_a_photo_of_two_pictures_is_scaled(picture: Encode) -> None:
    """Cameras write MPO files: the first picture is read at the reduced scale."""
    body = picture("MPO", _photo(), save_all=True, append_images=[Image.new("RGB", SIZE)], quality=90)
    assert 0 < _difference(*_both(body)) <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_scaled_photo_becomes_upright(orientation: int, picture: Encode) -> None:
    """All eight orientations give the pixels of the upright image, although the last pixels lie at another side."""
    undo = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turn = undo.get(orientation, TRANSPOSITIONS.get(orientation))
    stored = _photo().transpose(turn) if turn is not None else _photo()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    scaled = decode(picture("JPEG", stored, quality=95, exif=exif), Limits(), Decoding.SCALED)
    upright = decode(picture("JPEG", _photo(), quality=95), Limits(), Decoding.FULL)
    assert _difference(scaled, upright) <= 6
    assert (scaled.width, scaled.height) == SIZE


def test_a_profile_is_applied_to_a_scaled_image(picture: Encode) -> None:
    """Colours are converted as those of the whole image are."""
    swapped = _profile_of_swapped_colours()
    scaled, full = _both(picture("JPEG", _photo(), quality=90, icc_profile=swapped))
    bare = decode(picture("JPEG", _photo(), quality=90), Limits(), Decoding.SCALED)
    assert _difference(scaled, full) <= 8
    assert _difference(scaled, bare) > 50


def _profile_of_swapped_colours() -> bytes:
    """Return the profile of sRGB with red and green exchanged."""
    body = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = body.index(b"rXYZ"), body.index(b"gXYZ")
    body[red : red + 4], body[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(body)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.95, 0.999])
def test_a_truncated_photo_is_refused_as_in_full(share: float, progressive: bool, picture: Encode) -> None:  # noqa: FBT001
    """The decoder reads all scans at any scale, so it misses the same pixels."""
    body = picture("JPEG", _photo(), quality=90, progressive=progressive)
    for broken in (body[: int(share * len(body))], body[: int(share * len(body))].ljust(len(body), b"\0")):
        answers = []
        for decoding in Decoding:
            with pytest.raises(RefusedImageError) as refusal:
                decode(broken, Limits(), decoding)
            answers.append((refusal.value.reason, refusal.value.detail))
        assert answers[0] == answers[1]
        assert answers[0][0] is Reason.TRUNCATED


def test_a_photo_without_its_end_marker_is_read(picture: Encode) -> None:
    """All pixels are there. A decoder without metadata and with an end reads them, at the same scale."""
    body = picture("JPEG", _photo(), quality=90)
    whole, bare = (decode(part, Limits(), Decoding.SCALED) for part in (body, body[:-2]))
    assert _difference(whole, bare) == 0


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_damage_is_answered_as_in_full(data: st.DataObject) -> None:
    """A damaged photo gives pixels at both scales, or a refusal for the same reason."""
    body = bytearray(_SMALLEST)
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=5)):
        body[place] = data.draw(st.integers(0, 255))
    scaled, full = (_reason_of(bytes(body), decoding) for decoding in (Decoding.SCALED, Decoding.FULL))
    assert scaled == full


def _reason_of(body: bytes, decoding: Decoding) -> Reason | None:
    try:
        decode(body, Limits(megapixels=4), decoding)
    except RefusedImageError as refusal:
        return refusal.reason
    return None


def _smallest() -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((2 * LEAST, 2 * LEAST)).save(buffer, "JPEG", quality=20)
    return buffer.getvalue()


_SMALLEST = _smallest()


@pytest.mark.parametrize(("megapixels", "is_read"), [(1.88, False), (1.9, True)])
def test_the_limit_is_of_the_pixels_of_the_file(megapixels: float, is_read: bool, picture: Encode) -> None:  # noqa: FBT001
    """A reduced scale lets no image pass that has more pixels than the limit."""
    body = picture("JPEG", _photo())
    if is_read:
        assert decode(body, Limits(megapixels=megapixels), Decoding.SCALED).width == SIZE[0]
    else:
        with pytest.raises(RefusedImageError, match="1401x1347"):
            decode(body, Limits(megapixels=megapixels), Decoding.SCALED)


def test_a_refusal_names_the_size_of_the_file(picture: Encode) -> None:
    """If the coefficients of a progressive photo take too much memory, the user reads the size of the whole photo."""
    body = bytearray(picture("JPEG", Image.new("RGB", (9, 9)), progressive=True, subsampling=0))
    frame = body.index(b"\xff\xc2")
    body[frame + 5 : frame + 9] = (8000).to_bytes(2, "big") * 2
    with pytest.raises(RefusedImageError, match=r"8000x8000 as progressive JPEG takes 3\d\d MB of memory"):
        decode(bytes(body), Limits(megapixels=64, megabytes=1), Decoding.SCALED)


def test_another_process_decodes_at_the_same_scale(picture: Encode) -> None:
    """The isolated decoder, too, gives the pixels of the decoding that the run has chosen."""
    body = picture("JPEG", _photo())
    for decoding, here in zip((Decoding.SCALED, Decoding.FULL), _both(body), strict=True):
        with IsolatedDecoder(Limits(), decoding=decoding) as decoder:
            assert _difference(decoder.decode(body), here) == 0
