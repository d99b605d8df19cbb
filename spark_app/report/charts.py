"""Geometry of the report's charts: numbers in, positions of an SVG out. The template draws them."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MAX_COLOURS = 12
"""More labels than this can't be told apart by colour: the rest is grey, and named on hovering."""

OTHER = "other"


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    position: float
    text: str


@dataclass(frozen=True)
class Axis:
    """Maps values of one dimension to positions.

    Attributes
    ----------
    low, high
        The values at its ends.
    start, end
        The positions of its ends; start is larger than end for an axis that points up.
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Position of a value, to a tenth of a pixel."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, about: int = 5) -> list[Tick]:
        """Round values along the axis (steps of 1, 2 or 5 times a power of ten)."""
        step = _round_step((self.high - self.low) / about)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step + 1e-9)
        return [Tick(self.at(n * step), f"{n * step:.10g}") for n in range(first, last + 1)]


@dataclass(frozen=True)
class Point:
    """A mark of a scatter plot."""

    x: float
    y: float
    label: str
    series: str


@dataclass(frozen=True)
class Scatter:
    """Points in two dimensions, coloured by label."""

    x: Axis
    y: Axis
    points: list[Point]
    series: list[str]
    """Labels with a colour of their own, the most frequent first; `OTHER` last where there are more."""


@dataclass(frozen=True)
class Curve:
    """A line through points."""

    x: Axis
    y: Axis
    path: str
    """Attribute `points` of an SVG polyline."""


WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 66, 16, 16, 44


def scatter(samples: Sequence[tuple[str, float, float]]) -> Scatter:
    """Lay out a scatter plot.

    Parameters
    ----------
    samples
        label, x, y of each point; at least one.
    """
    frequent = [label for label, _ in Counter(label for label, _, _ in samples).most_common()]
    named = frequent if len(frequent) <= MAX_COLOURS else frequent[:MAX_COLOURS]
    x, y = _horizontal(*_padded([x for _, x, _ in samples])), _vertical(*_padded([y for _, _, y in samples]))
    points = [
        Point(x.at(px), y.at(py), label, label if label in named else OTHER)
        # Grey first: what has a colour lies on top.
        for label, px, py in sorted(samples, key=lambda sample: sample[0] in named)
    ]
    return Scatter(x, y, points, [*sorted(named), *([OTHER] if len(frequent) > len(named) else [])])


def cumulative(ratios: Sequence[float]) -> Curve:
    """Lay out the curve of variance kept over number of components.

    Parameters
    ----------
    ratios
        Share of the variance along each component, in order; at least one.
    """
    x, y = _horizontal(0, len(ratios)), _vertical(0, 1)
    total = 0.0
    places = [(0, 0.0)]
    for number, ratio in enumerate(ratios, start=1):
        total += ratio
        places.append((number, min(total, 1.0)))
    return Curve(x, y, " ".join(f"{x.at(number)},{y.at(value)}" for number, value in places))


def _horizontal(low: float, high: float) -> Axis:
    return Axis(low, high, LEFT, WIDTH - RIGHT)


def _vertical(low: float, high: float) -> Axis:
    return Axis(low, high, HEIGHT - BOTTOM, TOP)


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or 1.0
    return low - margin, high + margin


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough * 0.999)
