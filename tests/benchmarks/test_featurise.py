"""Tests of the arithmetic of the benchmark of featurising."""

import numpy as np
import pytest

from benchmarks.featurise import rate, trimmed


def test_the_rate_leaves_out_the_first_batch() -> None:
    """Work on the first batch began before its time, so that its images do not count."""
    times = np.repeat([10.0, 11.0, 12.0], 8)
    assert rate(times) == pytest.approx(8.0)


def test_a_single_batch_has_no_rate() -> None:
    """Without a second time there is no duration."""
    assert rate(np.full(8, 3.0)) == 0


def test_the_middle_leaves_out_a_fifth_at_both_ends() -> None:
    """Ten times keep the six in the middle."""
    assert trimmed(np.arange(10.0)).tolist() == [2, 3, 4, 5, 6, 7]
