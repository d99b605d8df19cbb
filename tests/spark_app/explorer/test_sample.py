"""Tests of the choice of the images that the explorer shows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spark_app.explorer.sample import PER_SHEET, POINTS, choose_sample, thumbnail_share
from spark_app.keys import key_hash


def _keys(count: int, prefix: str = "") -> list[str]:
    return sorted(f"{prefix}Plum/{number}.jpg" for number in range(count))


@given(st.integers(0, 300), st.integers(1, 200))
def test_the_sample_has_the_images_with_the_least_hashes(count: int, points: int) -> None:
    """All images up to the limit are shown; above it, those with the least hashes, in the order of the hashes."""
    keys = _keys(count)
    sample = choose_sample(keys, points)
    chosen = [keys[image] for image in sample.images]
    assert chosen == sorted(keys, key=key_hash)[:points]
    assert [point for part in sample.ranges for point in range(part.start, part.stop)] == list(range(len(chosen)))


def test_sheets_have_about_as_many_images_as_a_browser_decodes_at_once() -> None:
    """The number of images per sheet is between a half of `PER_SHEET` and all of it on average, and varies little."""
    sizes = np.diff([0, *choose_sample(_keys(30_000)).ends])
    assert sizes.sum() == POINTS
    assert PER_SHEET / 2 <= sizes[:-1].mean() <= PER_SHEET
    assert sizes.max() < 2 * PER_SHEET


def test_a_change_of_few_images_leaves_most_sheets_as_they_are() -> None:
    """Ten new images of 3,000 change ten sheets at most."""
    before, after = _keys(3_000), sorted(_keys(3_000) + _keys(10, "new "))
    sheets = [
        {tuple(keys[image] for image in sample.images[part]) for part in sample.ranges}
        for keys in (before, after)
        for sample in [choose_sample(keys)]
    ]
    assert len(sheets[0] - sheets[1]) <= 10


def test_images_that_the_explorer_will_show_after_removals_have_thumbnails() -> None:
    """After the removal of nearly half of the images, all images of the sample have been chosen for thumbnails."""
    keys = _keys(3 * POINTS)
    share = thumbnail_share(len(keys))
    left = [keys[place] for place in np.sort(np.random.default_rng(3).permutation(len(keys))[: len(keys) * 55 // 100])]
    assert all(key_hash(left[image]) < share for image in choose_sample(left).images)


def test_all_images_of_a_small_corpus_have_thumbnails() -> None:
    """Up to twice the number of points, every image has a thumbnail."""
    assert thumbnail_share(0) == thumbnail_share(2 * POINTS) == 1
    assert thumbnail_share(4 * POINTS) == 0.5
