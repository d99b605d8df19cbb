"""Tests of the geometry of the charts."""

import re

from hypothesis import given
from hypothesis import strategies as st

from spark_app.report.charts import HEIGHT, LEFT, NAMES, RIGHT, WIDTH, Axis, Scatter, cumulative, scatter
from spark_app.report.marks import MARKS, REST

VALUE = st.floats(-1e6, 1e6)
SAMPLES = st.lists(st.tuples(st.text(), VALUE, VALUE), min_size=1, max_size=60)


def _places(chart: Scatter) -> list[tuple[float, float]]:
    """Read where the paths of all series begin a mark."""
    paths = "".join(series.path for series in chart.rest + chart.named)
    return [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)[mh]", paths)]


@given(SAMPLES)
def test_every_image_is_a_mark_inside_the_picture(samples: list[tuple[str, float, float]]) -> None:
    """Each image is drawn once and inside the picture, for any coordinates and even for a single image."""
    chart = scatter(samples)
    assert len(_places(chart)) == len(samples)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in _places(chart))


@given(SAMPLES)
def test_every_label_is_one_series(samples: list[tuple[str, float, float]]) -> None:
    """Each label is drawn with its own images, as one series."""
    chart = scatter(samples)
    drawn = {series.label: len(series.points) for series in chart.rest + chart.named}
    labels = [label for label, _, _ in samples]
    assert len(chart.rest + chart.named) == len(drawn)
    assert drawn == {label: labels.count(label) for label in labels}


def test_the_most_frequent_labels_have_their_own_marks() -> None:
    """Of many labels, the most frequent have a mark each, the others are grey, and the legend is sorted by name."""
    many = len(MARKS) + 5
    samples = [(f"label {number}", 0.0, 0.0) for number in range(many) for _ in range(many - number)]
    chart = scatter(samples)
    assert [series.label for series in chart.named] == [f"label {number}" for number in range(len(MARKS))]
    assert len({series.mark for series in chart.named}) == len(MARKS)
    assert {series.mark for series in chart.rest} == {REST}
    assert len(chart.rest) == 5
    assert [series.label for series in chart.legend] == sorted(series.label for series in chart.named)


@given(SAMPLES)
def test_names_in_the_plot_do_not_cover_each_other(samples: list[tuple[str, float, float]]) -> None:
    """A few labels have their names in the plot, inside its frame, and no two names overlap."""
    names = scatter(samples).names
    assert len(names) <= NAMES
    assert all(LEFT <= name.x <= WIDTH - RIGHT for name in names)
    assert not any(one.overlaps(other) for number, one in enumerate(names) for other in names[:number])


def test_the_names_are_those_of_the_most_frequent_labels_at_their_centres() -> None:
    """A name is at the mean of its images, and a less frequent label at the same place has none."""
    samples = [("a", 0.0, 0.0), ("a", 4.0, 2.0), ("a", 2.0, 1.0), ("b", 2.0, 1.0), ("c" * 40, -90.0, -90.0)]
    chart = scatter(samples)
    first, last = chart.names
    assert (first.text, last.text) == ("a", "c" * 19 + "…")
    assert (first.x, first.y) == (chart.x.at(2.0), chart.y.at(1.0))


def test_a_single_label_needs_no_name() -> None:
    """If all images have one label, its name would only cover them."""
    assert scatter([("a", 0.0, 0.0), ("a", 1.0, 1.0)]).names == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_the_curve_rises_and_ends_inside(ratios: list[float]) -> None:
    """The captured variance never decreases, and rounding does not raise it above the total."""
    places = [tuple(map(float, place.split(","))) for place in cumulative(ratios).path.split()]
    heights = [y for _, y in places]
    assert heights == sorted(heights, reverse=True)
    assert min(heights) >= 0
    assert len(places) == len(ratios) + 1


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_within_the_axis(low: float, span: float) -> None:
    """Every axis has between two and eight ticks, all of them on the axis."""
    axis = Axis(low, low + span, 0, 100)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 8
    assert all(-0.1 <= tick.position <= 100.1 for tick in ticks)
