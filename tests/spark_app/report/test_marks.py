"""Tests of the marks of the labels."""

from itertools import pairwise

from spark_app.report.marks import MARKS


def test_enough_labels_can_be_told_apart() -> None:
    """There are marks for at least 24 labels, and no two are equal."""
    assert len(MARKS) >= 24
    assert len(set(MARKS)) == len(MARKS)


def test_neighbours_differ_in_colour_and_in_shape() -> None:
    """A reader who sees no colours tells the most frequent labels apart by their shapes."""
    assert all(one.colour != other.colour and one.shape != other.shape for one, other in pairwise(MARKS))
    assert len({mark.shape for mark in MARKS[:6]}) == 6
