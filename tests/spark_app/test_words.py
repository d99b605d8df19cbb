"""Tests of what a run says."""

from spark_app.progress import Progress, describe
from spark_app.words import counted


def test_one_image_is_no_images() -> None:
    """A noun has the number of its count."""
    assert [counted(count, "image") for count in (0, 1, 2, 1_200)] == [
        "0 images",
        "1 image",
        "2 images",
        "1,200 images",
    ]


def test_the_progress_counts_changes() -> None:
    """A run computes some images and removes others, so its progress is not one of images alone."""
    assert describe(Progress(done=30, total=44, refused=1, seconds=3)).startswith("30 of 44 changes, 10/s")
    assert describe(Progress(done=0, total=1, refused=0, seconds=1)).startswith("0 of 1 change, ")
