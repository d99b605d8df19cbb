"""Tests of the tally."""

import pytest

from spark_app.errors import TooManyRejectsError
from spark_app.stages.outcomes import Tally


@pytest.mark.parametrize(
    ("tally", "fails"),
    [
        (Tally(featurised=0, rejected=19), False),
        (Tally(featurised=0, rejected=20), True),
        (Tally(featurised=30, rejected=30), False),
        (Tally(featurised=30, rejected=31), True),
    ],
)
def test_too_many_refused_images_fail_a_run(tally: Tally, fails: bool) -> None:  # noqa: FBT001
    """A run fails if more than half of the images, and at least 20, were refused; fewer broken files never fail it."""
    if fails:
        with pytest.raises(TooManyRejectsError, match="--max-reject-rate"):
            tally.check(0.5)
    else:
        tally.check(0.5)
