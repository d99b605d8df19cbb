"""Tests of the ends of the components."""

import numpy as np

from spark_app.explorer.data import Points, Sheet
from spark_app.explorer.ends import COMPONENTS, IMAGES, ends_of


def _points(coordinates: np.ndarray) -> Points:
    n = len(coordinates)
    keys = [f"{number}.jpg" for number in range(n)]
    sheets = [Sheet("s", n, 1, b"")] if n else []
    return Points(keys, ["Plum"] * n, coordinates.astype(np.float16), {}, {}, np.zeros(n, bool), 48, sheets)


def test_the_ends_are_the_images_with_the_least_and_the_greatest_coordinates() -> None:
    """For each of the first components, the images are ordered from the end to the middle."""
    coordinates = np.random.default_rng(1).normal(size=(50, COMPONENTS + 2))
    ends = ends_of(_points(coordinates))
    assert len(ends) == COMPONENTS
    for component, end in enumerate(ends):
        order = [f"{number}.jpg" for number in coordinates[:, component].argsort()]
        assert [image.key for image in end.low] == order[:IMAGES]
        assert [image.key for image in end.high] == order[::-1][:IMAGES]
        assert end.low[0].value == np.float16(coordinates[:, component].min())


def test_few_images_are_at_both_ends() -> None:
    """With fewer images than there is room for, each end shows all of them."""
    (end,) = ends_of(_points(np.array([[2.0], [1.0]])))
    assert [image.key for image in end.low] == ["1.jpg", "0.jpg"]
    assert [image.key for image in end.high] == ["0.jpg", "1.jpg"]
