"""Geometry of the charts of the report: positions in an SVG, computed from numbers. The template draws them."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

MAX_COLOURS = 12
"""Readers can't tell more labels apart by colour. The other labels are grey, and appear on hovering."""

OTHER = "other"


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    position: float
    text: str


@dataclass(frozen=True)
class Axis:
    """A linear map from values to positions."""

    low: float
    high: float
    start: float
    """Position of `low`."""
    end: float
    """Position of `high`; less than `start` for an axis that points up."""

    def at(self, value: float) -> float:
        """Return the position of a value, to a tenth of a pixel."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, about: int = 5) -> list[Tick]:
        """Return about so many ticks, in steps of 1, 2 or 5 times a power of ten."""
        step = _round_step((self.high - self.low) / about)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step + 1e-9)
        return [Tick(self.at(n * step), f"{n * step:.10g}") for n in range(first, last + 1)]


@dataclass(frozen=True)
class Point:
    """A point of a scatter plot."""

    x: float
    y: float
    label: str
    series: str


@dataclass(frozen=True)
class Scatter:
    """A scatter plot, coloured by label."""

    x: Axis
    y: Axis
    points: list[Point]
    series: list[str]
    """The most frequent labels, each with its own colour, sorted by name; then `OTHER` if there are more labels."""


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
    """Lay out a scatter plot of one or more samples, each with a label, x and y."""
    frequent = [label for label, _ in Counter(label for label, _, _ in samples).most_common()]
    named = frequent[:MAX_COLOURS]
    x, y = _horizontal(*_padded([x for _, x, _ in samples])), _vertical(*_padded([y for _, _, y in samples]))
    points = [
        Point(x.at(px), y.at(py), label, label if label in named else OTHER)
        # Grey points first, so that coloured points are drawn over them.
        for label, px, py in sorted(samples, key=lambda sample: sample[0] in named)
    ]
    return Scatter(x, y, points, [*sorted(named), *([OTHER] if len(frequent) > len(named) else [])])


def cumulative(ratios: Sequence[float]) -> Curve:
    """Lay out the captured variance over the number of components, from the share of one or more components."""
    x, y = _horizontal(0, len(ratios)), _vertical(0, 1)
    captured = [0.0, *(min(total, 1.0) for total in accumulate(ratios))]
    return Curve(x, y, " ".join(f"{x.at(number)},{y.at(value)}" for number, value in enumerate(captured)))


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
