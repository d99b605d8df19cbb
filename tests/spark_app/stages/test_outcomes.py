"""Tests of the tally."""

import pytest

from spark_app.stages.outcomes import Tally


@pytest.mark.parametrize(
    ("tally", "fails"),
    [
        (Tally(featurised=0, rejected=19), False),
        (Tally(featurised=0, rejected=20), True),
        (Tally(featurised=30, rejected=30), False),
        (Tally(featurised=30, rejected=31), True),
        (Tally(featurised=5, rejected=40, refused_again=21), False),
        (Tally(featurised=5, rejected=41, refused_again=21), True),
    ],
)
def test_too_many_refused_images_are_suspicious(tally: Tally, fails: bool) -> None:  # noqa: FBT001
    """More than half of the images, and at least 20, are suspicious; those that an earlier run refused do not count."""
    assert tally.is_suspicious(0.5) is fails
