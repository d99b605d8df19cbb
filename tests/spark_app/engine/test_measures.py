"""Tests of the measurements. SciPy, NumPy on all pixels, and Pillow are the oracles."""

import io
from dataclasses import astuple
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from scipy import fft, ndimage

from spark_app.engine.interface import Pixels
from spark_app.engine.measures import Measures, grey_cells, measure
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.settings import Limits

VIEWS = 20
some = settings(max_examples=20, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """Set Pillow up as a worker does."""
    prepare_decoders()


@pytest.fixture(scope="module")
def pictures(sample: Path) -> list[Image.Image]:
    """Return drawings of ten varieties."""
    files = sorted(sample.glob("*/view *.jpg"))[:VIEWS]
    return [Image.open(file).convert("RGB") for file in files]


def scene(seed: int, size: int = 300) -> Image.Image:
    """Draw coarse and fine random forms, with the colours and the spectrum of a photo."""
    random = np.random.default_rng(seed)
    image = Image.fromarray(random.integers(0, 256, (3, 3, 3), dtype=np.uint8)).resize((size, size))
    for cells in (6, 12, 50):
        forms = Image.fromarray(random.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        image = Image.blend(image, forms.resize((size, size), Image.Resampling.BICUBIC), 0.35)
    return image


def encoded(image: Image.Image, quality: int = 90) -> bytes:
    """Return a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def measured(image: Image.Image, quality: int = 90) -> Measures:
    """Save, decode and measure an image."""
    return measure(decode(encoded(image, quality), Limits()).pixels)


def distance(one: Measures, other: Measures) -> int:
    """Return the Hamming distance of the hashes of two images."""
    assert one.perceptual_hash is not None
    assert other.perceptual_hash is not None
    return ((one.perceptual_hash ^ other.perceptual_hash) & (2**64 - 1)).bit_count()


def brightness_of(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Return the brightness of all pixels."""
    red, green, blue = np.moveaxis(pixels.astype(np.float64), 2, 0)
    return np.sqrt(0.241 * red**2 + 0.691 * green**2 + 0.068 * blue**2) / 255


def grey_of(pixels: Pixels) -> Pixels:
    """Return the grey values of all pixels."""
    return np.asarray(Image.fromarray(pixels).convert("L"))


def cells_of(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Return the means of 4x4 grey values, without rounding."""
    red, green, blue = pixels.reshape(56, 4, 56, 4, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def coloured(grey: Pixels) -> Pixels:
    """Return pixels of which all channels are alike."""
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


@some
@given(SEEDS)
def test_the_hash_is_that_of_imagehash_on_means_of_blocks(seed: int) -> None:
    """The bits are those of `imagehash.phash(image, highfreq_factor=7)`, with SciPy's DCT, as a signed number."""
    pixels = np.asarray(scene(seed, 224))
    frequencies = fft.dct(fft.dct(cells_of(pixels), axis=0), axis=1)[:8, :8]
    bits = frequencies > np.median(frequencies)
    found = measure(pixels).perceptual_hash
    assert found is not None
    assert -(2**63) <= found < 2**63
    assert f"{found % 2**64:064b}" == "".join("01"[int(bit)] for bit in bits.ravel())


@some
@given(SEEDS)
def test_rounding_errors_decide_no_bit(seed: int) -> None:
    """An image that is symmetric about its diagonal has symmetric bits, even if equal frequencies are the median."""
    grey = grey_of(np.asarray(scene(seed, 224)))
    found = measure(coloured(grey // 2 + grey.T // 2)).perceptual_hash
    assert found is not None
    bits = np.array(list(f"{found % 2**64:064b}")).reshape(8, 8)
    assert (bits == bits.T).all()


@some
@given(SEEDS, st.integers(50, 95), st.integers(100, 600), st.floats(0.8, 1.2))
def test_copies_have_nearly_the_same_hash(seed: int, quality: int, size: int, brightness: float) -> None:
    """A copy that was resized, brightened or darkened, and encoded again, differs in at most 4 bits."""
    original = scene(seed)
    copy = original.resize((size, size), Image.Resampling.LANCZOS).point(lambda value: value * brightness)
    assert distance(measured(original), measured(copy, quality)) <= 4


def test_other_pictures_have_other_hashes() -> None:
    """The hashes of two scenes differ in at least 12 of 64 bits, and in 32 on average."""
    hashes = [measured(scene(seed)) for seed in range(VIEWS)]
    distances = [distance(one, other) for one, other in combinations(hashes, 2)]
    assert min(distances) >= 12
    assert 28 <= np.mean(distances) <= 36


def test_the_frames_of_drawn_fruits_have_hashes(pictures: list[Image.Image]) -> None:
    """Pictures of fruits on white have a hash, and saving them again changes at most 2 bits."""
    assert all(distance(measured(picture), measured(picture, 75)) <= 2 for picture in pictures)


@some
@given(SEEDS, st.floats(0, 20), st.integers(30, 95), st.sampled_from([100, 224, 500]))
def test_blank_pictures_have_no_hash(seed: int, noise: float, quality: int, size: int) -> None:
    """A blank picture with noise of up to 20 grey levels, saved as JPEG, does not hash to random bits."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, 3) + random.normal(0, noise, (size, size, 3))
    assert measured(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), quality).perceptual_hash is None


@pytest.mark.parametrize("halves", [(0, 1), (1, 0)], ids=["beside", "above"])
def test_images_of_which_noise_decides_half_of_the_bits_have_no_hash(halves: tuple[int, int]) -> None:
    """A gradient, and an image of two mirrored halves, have no hash, whatever their contrast."""
    gradient = np.broadcast_to(np.arange(224, dtype=np.uint8)[:, np.newaxis], (224, 224))
    assert measure(coloured(gradient if halves[0] else gradient.T)).perceptual_hash is None
    half = grey_of(np.asarray(scene(1, 224)))[: 224 - 112 * halves[0], : 224 - 112 * halves[1]]
    mirrored = np.concatenate([half, np.flip(half, halves[1])], axis=halves[1])
    assert measure(coloured(mirrored)).perceptual_hash is None


@some
@given(SEEDS)
def test_numbers_are_those_of_the_oracles(seed: int) -> None:
    """Contrast is NumPy's, sharpness SciPy's Laplacian, both at 56x56; brightness and entropy are near all pixels'."""
    image = scene(seed, 224)
    pixels = np.asarray(image)
    found, brightness, cells = measure(pixels), brightness_of(pixels), cells_of(pixels)
    np.testing.assert_allclose(grey_cells(pixels), cells)
    assert cells.mean() == pytest.approx(grey_of(pixels).mean(), abs=0.1)
    assert found.contrast == pytest.approx(cells.std() / 255, rel=1e-6)
    assert found.sharpness == pytest.approx(ndimage.laplace(cells)[1:-1, 1:-1].var(), rel=1e-6)
    percentiles = np.percentile(brightness, [5, 99])
    assert [found.brightness_low, found.brightness_high] == pytest.approx(percentiles, abs=0.03)
    assert found.brightness == pytest.approx(brightness.mean(), abs=0.01)
    assert found.entropy == pytest.approx(image.entropy(), abs=0.1)


@some
@given(SEEDS)
def test_brightness_and_entropy_are_exactly_those_of_every_fourth_pixel(seed: int) -> None:
    """Of the pixels that are looked at, mean and percentiles are NumPy's, and the entropy is Pillow's."""
    pixels = np.asarray(scene(seed, 224))
    looked_at, found = pixels[2::4, 2::4], measure(pixels)
    brightness = brightness_of(looked_at)
    expected = [brightness.mean(), *np.percentile(brightness, [5, 99])]
    assert [found.brightness, found.brightness_low, found.brightness_high] == pytest.approx(expected, rel=1e-6)
    assert found.entropy == pytest.approx(Image.fromarray(looked_at.copy()).entropy(), rel=1e-6)


@some
@given(SEEDS)
def test_blur_lowers_sharpness_and_darkness_lowers_brightness(seed: int) -> None:
    """The more an image is blurred, the lower its sharpness; the darker, the lower its mean and both percentiles."""
    image = scene(seed)
    blurred = [measured(image.filter(ImageFilter.GaussianBlur(radius))).sharpness for radius in (0, 2, 4, 8)]
    assert blurred == sorted(set(blurred), reverse=True)
    darker = [measured(image.point(lambda value, by=by: value * by)) for by in (1, 0.7, 0.4, 0.1)]
    for light in zip(*((each.brightness, each.brightness_low, each.brightness_high) for each in darker), strict=True):
        assert list(light) == sorted(set(light), reverse=True)


@some
@given(SEEDS, st.floats(0.3, 0.9))
def test_sharpness_divided_by_squared_contrast_does_not_depend_on_contrast(seed: int, factor: float) -> None:
    """Reducing the contrast of an image changes its sharpness, but not the quotient."""
    grey = grey_of(np.asarray(scene(seed, 224)))
    dull = np.round(128 + factor * (grey.astype(np.float64) - 128)).astype(np.uint8)
    before, after = measure(coloured(grey)), measure(coloured(dull))
    assert after.sharpness < before.sharpness
    assert after.sharpness / after.contrast**2 == pytest.approx(before.sharpness / before.contrast**2, rel=0.03)


@some
@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_a_single_colour_has_neither_contrast_nor_sharpness(colour: tuple[int, int, int]) -> None:
    """Both are exactly zero, and the entropy is that of three values."""
    pixels = np.full((224, 224, 3), colour, np.uint8)
    light = pytest.approx(brightness_of(pixels)[0, 0], rel=1e-6)
    assert astuple(measure(pixels)) == (None, light, light, light, 0, 0, pytest.approx(np.log2(3), rel=1e-6))


def test_the_extremes_are_the_ends_of_the_scales() -> None:
    """Black is 0 and white is 1; half of both has a contrast of 0.5."""
    pixels = np.repeat(np.array([[[0], [255]]], np.uint8), 112, axis=1).repeat(224, axis=0).repeat(3, axis=2)
    found = measure(pixels)
    light = (found.brightness, found.brightness_low, found.brightness_high, found.contrast)
    assert light == pytest.approx((0.5, 0, 1, 0.5))
