"""What the sections of the report say: numbers and words, which the template only arranges."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from contract.findings import FindingsSummary, Kind, Representation
from contract.summary import Counts, Summary
from spark_app.report.data import FoundImage, LabelSummary, ReportData
from spark_app.words import counted

HUNDRED, MINUTE, HOUR = 100, 60, 3600

NO_LABEL = "(no folder)"

SHORT_STEP = 0.02
"""Share of the time of all steps below which a step gets no row of its own."""

LABEL_ROWS = 12
"""Labels that the report shows at once. The others appear on a click."""

MOST_LABELS = 1_000
"""Labels that the table contains at most: 50,000 of them would make a report of 8 MB."""

WORDS = {
    Kind.DUPLICATE: ("duplicate", "duplicates"),
    Kind.NEAR_DUPLICATE: ("near-duplicate", "near-duplicates"),
    Kind.OUTLIER: ("outlier", "outliers"),
    Kind.LABEL_OUTLIER: ("outlier of its label", "outliers of their labels"),
    Kind.LABEL_DOUBT: ("doubtful label", "doubtful labels"),
    Kind.DARK: ("dark image", "dark images"),
    Kind.BRIGHT: ("bright image", "bright images"),
    Kind.BLURRY: ("blurred image", "blurred images"),
    Kind.LOW_INFORMATION: ("image with little information", "images with little information"),
    Kind.ODD_SIZE: ("image of an odd size", "images of an odd size"),
}
"""Singular and plural of the kinds of findings."""


@dataclass(frozen=True)
class Tile:
    """A number of the headline."""

    value: str
    name: str


@dataclass(frozen=True)
class Steps:
    """The times of the steps of a run, in seconds."""

    total: float
    long: dict[str, float]
    """Steps with a row of their own, in the order of the run."""
    short: dict[str, float]

    @property
    def longest(self) -> float:
        """Time of the longest step."""
        return max(self.long.values(), default=0.0)


@dataclass(frozen=True)
class KindOfFindings:
    """The findings of one kind."""

    kind: str
    """A value of the column `kind` of ``findings.csv``."""
    words: str
    """Singular or plural of the kind, according to `count`."""
    count: int
    worst: list[FoundImage]


@dataclass(frozen=True)
class Labels:
    """The table of the labels."""

    first: list[LabelSummary]
    others: list[LabelSummary]
    """Rows that appear on a click. The last row is that of the images without a label, if there are any."""
    count: int
    """Number of all labels."""

    @property
    def most(self) -> int:
        """Number of images of the longest bar."""
        return max((label.images for label in self.first + self.others), default=0)

    @property
    def left_out(self) -> int:
        """Number of labels that have no row."""
        return max(0, self.count - MOST_LABELS)


def tiles_of(summary: Summary) -> list[Tile]:
    """Return the numbers of the headline. Counts of zero are left out, except for that of the images."""
    images = summary.counts.images
    tiles = [Tile(f"{images:,}", f"{'image' if images == 1 else 'images'} in the matrix")]
    tiles += [Tile(f"{count:,}", name) for name, count in _outcomes(summary.counts).items() if count]
    if summary.pca:
        noun = "component" if summary.pca.components == 1 else "components"
        tiles.append(Tile(f"{summary.pca.components:,}", f"{noun}, {summary.pca.captured:.1%} of the variance"))
    if summary.images_per_second:
        tiles.append(Tile(f"{summary.images_per_second:,.0f}", "images per second"))
    return tiles


def zeros_of(counts: Counts) -> str | None:
    """Return a sentence that names what happened to no image; `None` if everything happened to some."""
    names = [name for name, count in _outcomes(counts).items() if not count and name != "unchanged"]
    return f"No image was {_listed(names, 'or')}." if names else None


def steps_of(timings: Mapping[str, float]) -> Steps:
    """Separate the long steps of a run from the short ones."""
    total = sum(timings.values())
    long = {step: seconds for step, seconds in timings.items() if seconds >= SHORT_STEP * total}
    return Steps(total, long, {step: seconds for step, seconds in timings.items() if step not in long})


def kinds_of(summary: Summary, data: ReportData) -> list[KindOfFindings]:
    """Return the kinds of findings that the run has found, in the order of the summary."""
    counts = summary.findings.counts if summary.findings else {}
    return [
        KindOfFindings(
            kind, kind_in_words(kind, count), count, [found for found in data.findings if found.kind == kind]
        )
        for kind, count in counts.items()
        if count
    ]


def absent_kinds_of(summary: Summary) -> str:
    """Return the kinds that the run has not found, in words; empty if there are none."""
    counts = summary.findings.counts if summary.findings else {}
    return _listed([kind_in_words(kind, count) for kind, count in counts.items() if not count], "or")


def representations_of(findings: FindingsSummary) -> dict[str, Representation]:
    """Return how well labels are told apart, by what was compared. A sample of all images is not named as one."""
    rows = {"components": findings.components}
    if findings.sampled_components == findings.components:
        rows["all features"] = findings.sampled_features
    else:
        rows["components, in a sample"] = findings.sampled_components
        rows["all features, in that sample"] = findings.sampled_features
    return {f"{name} ({counted(row.images, 'image')})": row for name, row in rows.items() if row}


def kind_in_words(kind: str, count: int) -> str:
    """Return the singular or the plural of a kind of findings, such as ``doubtful labels``."""
    words = kind.replace("_", " ")
    one, several = WORDS[Kind(kind)] if kind in set(Kind) else (words, words)
    return one if count == 1 else several


def labels_of(data: ReportData) -> Labels:
    """Separate the first labels from the others. A single other label is shown, too: a click would take its room."""
    labels = [row for row in data.labels if row.label is not None]
    rows = labels[:MOST_LABELS] + [row for row in data.labels if row.label is None]
    shown = LABEL_ROWS if len(rows) > LABEL_ROWS + 1 else len(rows)
    return Labels(rows[:shown], rows[shown:], len(labels))


def in_time(seconds: float) -> str:
    """Write a duration: ``0.3 s``, ``4 min 5 s``, ``2 h 30 min``."""
    if round(seconds) < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    hours, left = divmod(minutes, HOUR // MINUTE)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s"


def in_digits(value: float) -> str:
    """Write a number with three significant digits, such as ``12.0``, or with all digits before the point."""
    return f"{value:,.0f}" if abs(value) >= HUNDRED else f"{value:#.3g}".rstrip(".")


def in_utc(moment: str) -> str:
    """Write a point in time, given in ISO format, such as ``2026-11-20 12:15 UTC``."""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _outcomes(counts: Counts) -> dict[str, int]:
    return {
        "computed": counts.featurised,
        "unchanged": counts.unchanged,
        "replaced": counts.replaced,
        "removed": counts.removed,
        "refused": counts.rejects,
    }


def _listed(names: list[str], conjunction: str) -> str:
    return f" {conjunction} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
