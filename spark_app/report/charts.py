"""Geometry of the charts of the report: positions and paths in an SVG, computed from numbers.

The template draws them.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from spark_app.report.marks import MARKS, REST, Mark

NAMES = 10
"""Labels that the scatter plot names beside their images, at most: more would cover the images."""

NAME_LENGTH = 20
"""Characters of a label that the plot shows. The legend shows all."""

CHARACTER_WIDTH, LINE_HEIGHT = 6.6, 14
"""Approximate size of a character of the plot, in pixels."""

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 66, 16, 16, 44


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
class Series:
    """The images of one label in a scatter plot."""

    label: str
    mark: Mark
    points: list[tuple[float, float]]
    """Positions of the images."""

    @property
    def path(self) -> str:
        """All points as one path of SVG: an element per point would take several times the bytes."""
        return "".join(self.mark.at(x, y) for x, y in self.points)

    @property
    def centre(self) -> tuple[float, float]:
        """Mean position of the images."""
        xs, ys = zip(*self.points, strict=True)
        return sum(xs) / len(xs), sum(ys) / len(ys)


@dataclass(frozen=True)
class Name:
    """A label in the plot, centred at a position."""

    x: float
    y: float
    text: str

    def overlaps(self, other: "Name") -> bool:
        """Return whether two names would cover each other."""
        reach = (len(self.text) + len(other.text)) / 2 * CHARACTER_WIDTH
        return abs(self.x - other.x) < reach and abs(self.y - other.y) < LINE_HEIGHT


@dataclass(frozen=True)
class Scatter:
    """A scatter plot, in which each label has its mark."""

    x: Axis
    y: Axis
    named: list[Series]
    """The most frequent labels, each with its own mark, the most frequent first."""
    rest: list[Series]
    """All other labels, in grey."""
    names: list[Name]
    """Names of some of the most frequent labels, which do not cover each other."""

    @property
    def legend(self) -> list[Series]:
        """The labels with their own marks, sorted by name."""
        return sorted(self.named, key=lambda series: series.label.casefold())


@dataclass(frozen=True)
class Curve:
    """A line through points."""

    x: Axis
    y: Axis
    path: str
    """Attribute `points` of an SVG polyline."""


def scatter(samples: Sequence[tuple[str, float, float]]) -> Scatter:
    """Lay out a scatter plot of one or more samples, each with a label, x and y."""
    x, y = _horizontal(*_padded([x for _, x, _ in samples])), _vertical(*_padded([y for _, _, y in samples]))
    points: dict[str, list[tuple[float, float]]] = {}
    for label, px, py in samples:
        points.setdefault(label, []).append((x.at(px), y.at(py)))
    frequent = sorted(points, key=lambda label: (-len(points[label]), label))
    named = [Series(label, mark, points[label]) for label, mark in zip(frequent, MARKS, strict=False)]
    rest = [Series(label, REST, points[label]) for label in frequent[len(named) :]]
    return Scatter(x, y, named, rest, _names(named) if len(frequent) > 1 else [])


def cumulative(ratios: Sequence[float]) -> Curve:
    """Lay out the captured variance over the number of components, from the share of one or more components."""
    x, y = _horizontal(0, len(ratios)), _vertical(0, 1)
    captured = [0.0, *(min(total, 1.0) for total in accumulate(ratios))]
    return Curve(x, y, " ".join(f"{x.at(number)},{y.at(value)}" for number, value in enumerate(captured)))


def _names(series: Iterable[Series]) -> list[Name]:
    names: list[Name] = []
    for each in series:
        name = _name_of(each)
        if len(names) < NAMES and not any(name.overlaps(other) for other in names):
            names.append(name)
    return names


def _name_of(series: Series) -> Name:
    label = series.label
    text = label if len(label) <= NAME_LENGTH else f"{label[: NAME_LENGTH - 1]}…"
    x, y = series.centre
    half = len(text) / 2 * CHARACTER_WIDTH
    return Name(round(min(max(x, LEFT + half), WIDTH - RIGHT - half), 1), round(y, 1), text)


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
