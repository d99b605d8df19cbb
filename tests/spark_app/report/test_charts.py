"""Tests of the geometry of the charts."""

from hypothesis import given
from hypothesis import strategies as st

from spark_app.report.charts import HEIGHT, MAX_COLOURS, OTHER, WIDTH, Axis, cumulative, scatter

VALUE = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(st.text(), VALUE, VALUE), min_size=1, max_size=60))
def test_every_image_is_a_point_inside_the_picture(samples: list[tuple[str, float, float]]) -> None:
    """Each image is a point inside the picture, for any coordinates and even for a single image."""
    chart = scatter(samples)
    assert len(chart.points) == len(samples)
    assert all(0 <= point.x <= WIDTH and 0 <= point.y <= HEIGHT for point in chart.points)


def test_many_labels_share_a_colour() -> None:
    """The most frequent labels have their own colours, and all other labels share a grey series with a name."""
    samples = [(f"label {number}", 0.0, 0.0) for number in range(30) for _ in range(30 - number)]
    chart = scatter(samples)
    assert chart.series[-1] == OTHER
    assert set(chart.series[:-1]) == {f"label {number}" for number in range(MAX_COLOURS)}
    assert {point.series for point in chart.points} == set(chart.series)


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
