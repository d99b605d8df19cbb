"""What a benchmark returns: named figures, one value per round, and the targets that they are compared with."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Size(StrEnum):
    """How much `make benchmark` measures."""

    SMALL = "small"
    """A few minutes: shows that all benchmarks run, and the order of magnitude."""
    FULL = "full"
    """About forty minutes: the figures of docs/performance.md."""


@dataclass(frozen=True)
class Setting:
    """What the benchmarks of one call have in common."""

    size: Size
    images: Path
    """Folder of small JPEG files, one folder per variety."""
    weights: str
    """Weights as `fruits run --weights` takes them."""
    scratch: Path
    """Empty folder for the files of the benchmark, deleted afterwards."""
    rounds: int
    """Number of values of each figure."""


@dataclass(frozen=True)
class Figure:
    """A measured figure."""

    name: str
    """What was measured, for instance ``10,000 images, whole command: this pipeline``."""
    unit: str
    values: tuple[float, ...]
    """One value per round."""

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.name} has no values")

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Comparison:
    """The ratio of two figures of the same call, and the target that it should reach."""

    name: str
    """What the ratio means, for instance ``whole command at 10,000 images: this pipeline / Daft``."""
    ratios: tuple[float, ...]
    """One ratio per round, because both figures of a round saw the same speed of the machine."""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.ratios)

    @property
    def is_reached(self) -> bool:
        """Whether the median reaches the target."""
        return (self.at_most is None or self.median <= self.at_most) and (
            self.at_least is None or self.median >= self.at_least
        )


@dataclass(frozen=True)
class Section:
    """The results of one benchmark."""

    title: str
    figures: tuple[Figure, ...]
    comparisons: tuple[Comparison, ...] = ()


Benchmark = Callable[[Setting], Section]
"""The function `measure` of a module of this package."""
