"""Tests of what counts as a bad picture."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from contract.findings import Kind
from spark_app.curation.images import IMAGE_ROWS, Images
from spark_app.curation.quality import find_bad_pictures
from spark_app.settings import CurationSettings

GOOD: dict[str, Any] = {
    "label": "Plum",
    "content_id": 1,
    "width": 100,
    "height": 100,
    "brightness_low": 0.2,
    "brightness_high": 0.9,
    "contrast": 0.2,
    "sharpness": 1000.0,
    "entropy": 6.0,
}
"""Measurements of a good picture."""

BAD: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.DARK, {"brightness_high": 0.1}),
    (Kind.BRIGHT, {"brightness_low": 0.98}),
    (Kind.BLURRY, {"sharpness": 5.0}),
    (Kind.LOW_INFORMATION, {"entropy": 2.0}),
    (Kind.ODD_SIZE, {"width": 1000, "height": 1000}),
    (Kind.ODD_SIZE, {"width": 300, "height": 34}),
]


def _images(*rows: dict[str, Any]) -> Images:
    named = [GOOD | {"key": f"{number:03}.jpg", "row_id": number} | row for number, row in enumerate(rows)]
    return Images(pa.Table.from_pylist(named, schema=IMAGE_ROWS))


def _found(images: Images, **settings: float) -> list[tuple[Kind, int]]:
    found = find_bad_pictures(images, CurationSettings(**settings))  # type: ignore[arg-type] -- numbers
    return [(each.kind, int(image)) for each in found for image in each.images]


@pytest.mark.parametrize(("kind", "measured"), BAD)
def test_a_bad_picture_among_good_ones_is_found_as_that(kind: Kind, measured: dict[str, Any]) -> None:
    """A picture that differs in one measurement has one finding, and the others have none."""
    assert _found(_images(*[{}] * 20, measured)) == [(kind, 20)]


@pytest.mark.parametrize(("kind", "measured"), BAD)
def test_where_all_pictures_are_alike_none_is_bad(kind: Kind, measured: dict[str, Any]) -> None:
    """A corpus of night photos has no dark pictures. Only an oblong picture is one in any corpus."""
    is_oblong = kind is Kind.ODD_SIZE and measured["width"] != measured["height"]
    assert bool(_found(_images(*[measured] * 20))) is is_oblong


def test_a_dark_picture_or_one_of_a_single_colour_is_not_blurry_as_well() -> None:
    """Noise decides about the sharpness of a picture without contrast."""
    dark = {"brightness_high": 0.1, "sharpness": 0.0, "contrast": 0.01}
    blank = {"entropy": 1.6, "sharpness": 0.0, "contrast": 0.0}
    assert _found(_images(*[{}] * 20, dark, blank)) == [(Kind.DARK, 20), (Kind.LOW_INFORMATION, 21)]


def test_the_worse_a_picture_the_higher_its_score() -> None:
    """The scores of dark pictures decrease with their brightness."""
    images = _images(*[{}] * 20, *({"brightness_high": level} for level in (0.05, 0.3, 0.2)))
    (dark, *_) = find_bad_pictures(images, CurationSettings())
    assert dark.images[np.argsort(-dark.scores)].tolist() == [20, 22, 21]


def test_an_image_that_was_not_measured_has_no_findings_but_its_size() -> None:
    """The size is known of all images, and nulls are no dark pictures."""
    unmeasured = dict.fromkeys(("content_id", "brightness_low", "brightness_high", "contrast", "sharpness", "entropy"))
    assert _found(_images(*[{}] * 20, unmeasured, unmeasured | {"width": 2000})) == [(Kind.ODD_SIZE, 21)]


def test_each_threshold_is_a_setting() -> None:
    """Nothing is bad with the least strict settings, and everything that differs is with strict ones."""
    images = _images(*[{}] * 20, *(measured for _, measured in BAD))
    lenient = {"dark_below": 0.0, "bright_above": 1.0, "blurry_below": 0.0, "low_information_below": 0.0}
    assert _found(images, **lenient, odd_size_factor=1e9, odd_aspect_below=0.0) == [(Kind.ODD_SIZE, 24)]
