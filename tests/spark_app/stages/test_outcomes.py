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
def test_a_run_fails_when_the_cause_is_hardly_the_images(tally: Tally, fails: bool) -> None:  # noqa: FBT001
    """More than half refused, and twenty at least; a handful of broken files never fails a run."""
    if fails:
        with pytest.raises(TooManyRejectsError, match="--max-reject-rate"):
            tally.check(0.5)
    else:
        tally.check(0.5)
