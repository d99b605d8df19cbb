"""Tests of the reduction in strips. The oracle is Pillow's reduction of the whole image."""

import numpy as np
import pytest
from PIL import Image

from spark_app.engine import strips
from spark_app.engine.metadata import TRANSPOSITIONS
from spark_app.engine.strips import StoredImage

SHAPES = [(301, 1007), (1007, 301), (224, 600), (600, 224), (100, 50), (3, 2000), (2000, 3), (1, 1), (224, 224)]
AT_THE_LIMIT = [(300, 376), (300, 377), (225, 226), (225, 227), (200, 224), (200, 225), (500, 776), (500, 777)]
"""Widths and heights between which Pillow exchanges the order of the sides."""


def _noise(size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8))


def _is_equal_to_pillow(image: Image.Image, orientation: int) -> bool:
    upright = image.transpose(TRANSPOSITIONS[orientation]) if orientation > 1 else image
    stored = StoredImage(image.size, orientation)
    result = stored.reduced(image.crop(box) for box in stored.boxes())
    expected = upright.resize((224, 224), Image.Resampling.BICUBIC)
    return stored.upright_size == upright.size and result.tobytes() == expected.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("pixels", [1, 5000, 10**9])
def test_strips_give_the_pixels_of_the_whole(
    size: tuple[int, int], orientation: int, pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every size of strips, in every orientation, gives each byte of the whole image, turned and reduced."""
    monkeypatch.setattr(strips, "STRIP", pixels)
    assert _is_equal_to_pillow(_noise(size), orientation)


@pytest.mark.parametrize("size", AT_THE_LIMIT)
def test_the_sides_are_reduced_in_the_order_of_pillow(size: tuple[int, int]) -> None:
    """Pillow reduces the height first if it shrinks more than twice as much. The order changes the rounding."""
    assert _is_equal_to_pillow(_noise(size), orientation=1)
