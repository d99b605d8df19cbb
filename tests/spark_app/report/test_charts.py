"""Tests of the geometry of the charts."""

from hypothesis import given
from hypothesis import strategies as st

from spark_app.report.charts import HEIGHT, MAX_COLOURS, OTHER, WIDTH, Axis, cumulative, scatter

VALUE = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(st.text(), VALUE, VALUE), min_size=1, max_size=60))
def test_every_image_is_a_point_inside_the_picture(samples: list[tuple[str, float, float]]) -> None:
    """One image, equal images, any values: each is drawn, none outside."""
    chart = scatter(samples)
    assert len(chart.points) == len(samples)
    assert all(0 <= point.x <= WIDTH and 0 <= point.y <= HEIGHT for point in chart.points)


def test_many_labels_share_a_colour() -> None:
    """The most frequent labels keep colours of their own, the others are one grey series, named as such."""
    samples = [(f"label {number}", 0.0, 0.0) for number in range(30) for _ in range(30 - number)]
    chart = scatter(samples)
    assert chart.series[-1] == OTHER
    assert set(chart.series[:-1]) == {f"label {number}" for number in range(MAX_COLOURS)}
    assert {point.series for point in chart.points} == set(chart.series)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_the_curve_rises_and_ends_inside(ratios: list[float]) -> None:
    """Variance kept never falls, and rounding doesn't carry it above all of it."""
    places = [tuple(map(float, place.split(","))) for place in cumulative(ratios).path.split()]
    heights = [y for _, y in places]
    assert heights == sorted(heights, reverse=True)
    assert min(heights) >= 0
    assert len(places) == len(ratios) + 1


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_within_the_axis(low: float, span: float) -> None:
    """A reader finds some marks on every axis, and never a crowd of them."""
    axis = Axis(low, low + span, 0, 100)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 8
    assert all(-0.1 <= tick.position <= 100.1 for tick in ticks)
