"""Tests of doubtful labels."""

import numpy as np
import pytest

from spark_app.curation.label_doubts import find_label_doubts
from spark_app.numerics.neighbours import Neighbours
from tests.spark_app.curation.synthetic import labelled, with_others


def _neighbours(*rows: list[int]) -> Neighbours:
    found = np.array([row + [-1] * (10 - len(row)) for row in rows])
    return Neighbours(found, np.where(found < 0, np.inf, np.arange(10)).astype(np.float32))


@pytest.mark.parametrize(
    ("labels", "suggested"),
    [
        ("BBBBBBBBBB", "B"),
        ("BBBBBBCDEF", "B"),
        ("ABBBBBBCDE", "B"),
        ("AABBBBBBBB", None),  # two of its own
        ("BBBBBCCCCC", None),  # no six of one label
        ("AAAAAAAAAA", None),
        ("CCCBBBBBBB", "B"),
        ("BBBBB", None),
        ("--BBBBBBB-", "B"),  # images without a label have no vote
    ],
)
def test_an_image_is_doubted_if_six_neighbours_have_one_other_label(labels: str, suggested: str | None) -> None:
    """At most one neighbour may have the label of the image; `other_key` is the nearest with the suggested label."""
    images = labelled("A" + labels)
    none: list[list[int]] = [[]] * len(labels)
    found = find_label_doubts(
        images, _neighbours(list(range(1, len(labels) + 1)), *none), with_others([9] * (len(labels) + 1)), least=6
    )
    assert found.images.tolist() == ([0] if suggested else [])
    if suggested:
        assert found.others.tolist() == [1 + labels.index(suggested)]
        assert f"label {suggested!r}, and" in found.details[0]
        assert found.scores[0] == pytest.approx(labels.count(suggested) / len(labels))


def test_an_image_without_a_label_is_not_doubted() -> None:
    """There is nothing to doubt."""
    images = labelled("-BBBBBBBBBB")
    assert not find_label_doubts(
        images, _neighbours(list(range(1, 11)), *[[]] * 10), with_others([0] + [9] * 10), least=6
    ).details


def test_an_image_that_can_have_no_neighbours_of_its_label_is_not_doubted() -> None:
    """The only image of a label, or a film of near-duplicates, is no wrong label because it resembles others."""
    images = labelled("ABBBBBBBBBB")
    others = with_others([4, *[9] * 10])
    assert not find_label_doubts(images, _neighbours(list(range(1, 11)), *[[]] * 10), others, least=6).details
