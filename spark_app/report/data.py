"""The numbers of the report that the summary does not contain: ``report.json``.

The report shows them, and the next run updates them instead of reading whole tables.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from contract.documents import Document


@dataclass(frozen=True)
class RefusedImages:
    """What the report shows of the refused images."""

    reasons: dict[str, int]
    """Number of refused images by reason, the most frequent reason first."""
    some: list[tuple[str, str, str]]
    """Key, reason and detail of some images, in the order of the keys."""

    @property
    def count(self) -> int:
        """Number of all refused images."""
        return sum(self.reasons.values())


@dataclass(frozen=True)
class SampledImage:
    """A point of the scatter plot: an image, and its coordinates along the first two components."""

    key: str
    label: str | None
    x: float
    y: float


@dataclass(frozen=True)
class FoundImage:
    """A finding: a row of ``findings.csv``."""

    key: str
    label: str | None
    kind: str
    score: float
    other_key: str | None
    detail: str


@dataclass(frozen=True)
class LabelSummary:
    """A label, and its images."""

    label: str | None
    images: int
    spread: float | None
    """Root of the mean squared distance of its images from their mean, along the components; `None` if unknown."""


@dataclass(frozen=True)
class EndImage:
    """An image at one end of a component."""

    key: str
    label: str | None
    value: float
    """Coordinate along the component."""


@dataclass(frozen=True)
class ComponentEnds:
    """The sampled images at both ends of a component, which show what it distinguishes."""

    low: list[EndImage]
    """The images with the least coordinates, the least first."""
    high: list[EndImage]
    """The images with the greatest coordinates, the greatest first."""


@dataclass(frozen=True)
class ReportData(Document):
    """The numbers behind the report."""

    INDENT: ClassVar[int | None] = None

    spectrum: list[float]
    """Variance along each principal direction of the features, decreasing."""
    ratios: list[float]
    """Share of the variance along each component of the basis."""
    share: float
    """Share of all images that the sample contains: those with the least hashes of their keys."""
    sample: list[SampledImage]
    """Sampled images, in the order of the keys."""
    refusals: RefusedImages
    findings: list[FoundImage] = field(default_factory=list)
    """The worst findings of each kind, in the order of ``findings.csv``."""
    labels: list[LabelSummary] = field(default_factory=list)
    """All labels, the most frequent first."""
    ends: list[ComponentEnds] = field(default_factory=list)
    """The ends of the first components."""
