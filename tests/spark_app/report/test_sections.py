"""Tests of the numbers and words of the sections."""

from dataclasses import replace

import pytest

from contract.findings import Kind, Representation
from contract.summary import Counts
from spark_app.report.data import LabelSummary, RefusedImages, ReportData
from spark_app.report.sections import (
    LABEL_ROWS,
    MOST_LABELS,
    WORDS,
    in_digits,
    in_time,
    in_utc,
    labels_of,
    representations_of,
    steps_of,
    tiles_of,
    zeros_of,
)
from tests.spark_app.report.reports import DATA, FINDINGS, SUMMARY


def _labels(count: int) -> ReportData:
    return replace(DATA, labels=[LabelSummary(f"label {number}", 9, None) for number in range(count)])


def test_a_count_of_zero_has_no_tile() -> None:
    """The headline has the number of images, the counts that are not zero, and the components."""
    summary = replace(SUMMARY, counts=Counts(featurised=1, images=1), images_per_second=None)
    tiles = [f"{tile.value} {tile.name}" for tile in tiles_of(summary)]
    assert tiles == ["1 image in the matrix", "1 computed", "1 component, 97.0% of the variance"]


def test_a_run_without_images_says_so() -> None:
    """The number of images has its tile even if it is zero."""
    summary = replace(SUMMARY, counts=Counts(rejects=1_500), pca=None, images_per_second=None)
    assert [f"{tile.value} {tile.name}" for tile in tiles_of(summary)] == ["0 images in the matrix", "1,500 refused"]


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (Counts(featurised=1), "No image was replaced, removed or refused."),
        (Counts(featurised=1, replaced=1, rejects=2), "No image was removed."),
        (Counts(unchanged=1), "No image was computed, replaced, removed or refused."),
        (Counts(featurised=1, replaced=1, removed=1, rejects=1), None),
    ],
)
def test_counts_of_zero_share_a_sentence(counts: Counts, sentence: str | None) -> None:
    """One sentence names what happened to no image."""
    assert zeros_of(counts) == sentence


def test_short_steps_have_no_rows_but_count() -> None:
    """Steps of less than 2 % of the time are separate, in their order, and all steps make the total."""
    steps = steps_of({"start": 0.1, "list": 50.0, "plan": 0.2, "publish": 49.7})
    assert (list(steps.long), list(steps.short)) == (["list", "publish"], ["start", "plan"])
    assert (steps.total, steps.longest) == (100.0, 50.0)
    assert list(steps_of({"start": 0.0}).long) == ["start"]
    assert steps_of({}).longest == 0


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, 1), (LABEL_ROWS + 1, LABEL_ROWS + 1), (131, LABEL_ROWS)])
def test_many_labels_are_folded(count: int, shown: int) -> None:
    """The first labels are shown, the others on a click, and each label once."""
    labels = labels_of(_labels(count))
    assert len(labels.first) == shown
    assert labels.first + labels.others == _labels(count).labels


def test_images_without_a_label_have_a_row_and_are_no_label() -> None:
    """Their row is the last, its bar may be the longest, and the number of labels does not count it."""
    unlabelled = LabelSummary(None, 700, None)
    labels = labels_of(replace(DATA, labels=[*_labels(20).labels, unlabelled]))
    assert (labels.others[-1], labels.most, labels.count) == (unlabelled, 700, 20)


def test_the_table_of_labels_is_bounded() -> None:
    """The labels with the most images have rows, and the images without a label. The others are counted."""
    unlabelled = LabelSummary(None, 7, None)
    all_of_them = _labels(MOST_LABELS + 3).labels
    labels = labels_of(replace(DATA, labels=[*all_of_them, unlabelled]))
    assert labels.first + labels.others == [*all_of_them[:MOST_LABELS], unlabelled]
    assert (labels.count, labels.left_out, labels_of(_labels(MOST_LABELS)).left_out) == (MOST_LABELS + 3, 3, 0)


def test_every_kind_of_findings_has_words() -> None:
    """A kind that is added to the contract needs words, too."""
    assert set(WORDS) == set(Kind)


def test_components_and_features_are_compared() -> None:
    """A sample of some images has rows of its own, and one of all images has not."""
    every, some = (Representation(images=n, nearest_neighbour=0.9, nearest_centroid=0.8) for n in (1_000, 10))
    whole = replace(FINDINGS, components=every, sampled_components=every, sampled_features=every)
    assert list(representations_of(whole)) == ["components (1,000 images)", "all features (1,000 images)"]
    assert list(representations_of(replace(whole, sampled_components=some, sampled_features=some))) == [
        "components (1,000 images)",
        "components, in a sample (10 images)",
        "all features, in that sample (10 images)",
    ]
    assert representations_of(replace(FINDINGS, components=None)) == {}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (59.44, "59.4 s"),
        (59.9, "1 min 0 s"),
        (245, "4 min 5 s"),
        (3599.6, "1 h 0 min"),
        (9_000, "2 h 30 min"),
    ],
)
def test_times_have_two_units_at_most(seconds: float, words: str) -> None:
    """A time is rounded before it is split, so that it never has 60 seconds or 60 minutes."""
    assert in_time(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"), [(12.0, "12.0"), (0.01234, "0.0123"), (0.0, "0.00"), (1234.5, "1,234"), (99.99, "100")]
)
def test_numbers_of_a_column_have_the_same_digits(value: float, words: str) -> None:
    """A number has three significant digits, and more only before the point."""
    assert in_digits(value) == words


def test_moments_are_in_utc() -> None:
    """A time of another zone is converted."""
    assert in_utc("2026-11-20T13:01:59+01:00") == "2026-11-20 12:01 UTC"


def test_no_labels_and_no_refusals_are_no_error() -> None:
    """The data of an earlier version has no labels."""
    assert labels_of(ReportData([], [], 1.0, [], RefusedImages({}, []))).most == 0
