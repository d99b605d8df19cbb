"""How much of what was planted a program has found, and how much of what it has found is right.

- The *recall* of a planting is the share of its images that have a finding of the kind that is expected of it. A copy
  is found if it is in one group with its source.
- The *precision* of a kind is the share of its findings that are right. A finding is wrong if it is of an image that
  nothing was done to, or of one that was planted in another way.
- *Frames* are near-duplicates that were not planted and show the same variety: Fruits-360 consists of the frames of
  rotations, and neighbours look alike. They count neither as right nor as wrong.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.planted import COPIES, Planted, Planting
from contract.findings import Kind

SAME = frozenset({Kind.DUPLICATE, Kind.NEAR_DUPLICATE})
"""Kinds that put images into groups."""

ODD = frozenset({Kind.ODD_SIZE})

UNUSUAL = frozenset({Kind.OUTLIER, Kind.LABEL_OUTLIER})

EXPECTED = {
    Planting.COPY: (Kind.DUPLICATE,),
    **{planting: (Kind.NEAR_DUPLICATE,) for planting in Planting if planting in COPIES - {Planting.COPY}},
    Planting.MOVED: (Kind.LABEL_DOUBT, Kind.LABEL_OUTLIER),
    Planting.PHOTO: (Kind.OUTLIER, Kind.LABEL_OUTLIER),
    Planting.BLURRED_1: (Kind.BLURRY,),
    Planting.BLURRED_2: (Kind.BLURRY,),
    Planting.BLURRED_4: (Kind.BLURRY,),
    Planting.BLURRED_8: (Kind.BLURRY,),
    Planting.DARK: (Kind.DARK,),
    Planting.OVEREXPOSED: (Kind.BRIGHT,),
    Planting.FADED: (Kind.BRIGHT,),
    Planting.BLANK: (Kind.LOW_INFORMATION,),
    Planting.TINY: (Kind.ODD_SIZE,),
    Planting.HUGE: (Kind.ODD_SIZE,),
    Planting.OBLONG: (Kind.ODD_SIZE,),
}
"""Kinds of findings of which the recall is measured."""

ALSO_RIGHT = {
    **dict.fromkeys((Planting.COPY, Planting.PNG), SAME),  # a PNG file has the pixels of its source
    **dict.fromkeys((Planting.SMALLER, Planting.LARGER, Planting.CROPPED, Planting.CROPPED_MORE), ODD),
    **dict.fromkeys((Planting.BLURRED_1, Planting.BLURRED_2, Planting.BLURRED_4, Planting.BLURRED_8), UNUSUAL),
    Planting.PHOTO: {Kind.LABEL_DOUBT, Kind.ODD_SIZE},
    Planting.DARK: UNUSUAL | {Kind.LOW_INFORMATION},
    Planting.OVEREXPOSED: UNUSUAL | {Kind.LOW_INFORMATION},
    Planting.FADED: UNUSUAL | {Kind.LOW_INFORMATION},
    Planting.BLANK: UNUSUAL | {Kind.DARK, Kind.BRIGHT, Kind.BLURRY, Kind.NEAR_DUPLICATE},
    Planting.TINY: UNUSUAL | {Kind.BLURRY},
    Planting.HUGE: UNUSUAL | {Kind.BLURRY},
    Planting.OBLONG: UNUSUAL,
}
"""Other kinds of findings that are right for a planting: the other images of the corpus have the same size, for
instance, so that a resized copy has an odd one."""


@dataclass(frozen=True)
class Finding:
    """A finding of either program."""

    key: str
    kind: Kind
    other_key: str = ""
    """Key of another image of the group, for a duplicate and a near-duplicate."""


class Verdict(StrEnum):
    """What a finding is worth."""

    RIGHT = "right"
    FRAMES = "frames"
    """The images show the same variety, but none was made of the other."""
    OTHER = "of another planting"
    """The image was planted, but in a way for which the kind is wrong."""
    UNPLANTED = "of an untouched image"


def recall(findings: Iterable[Finding], planted: Iterable[Planted]) -> dict[tuple[Planting, Kind], float]:
    """Return the share of the images of each planting that were found as each kind that is expected."""
    findings = list(findings)
    exact = Groups(finding for finding in findings if finding.kind is Kind.DUPLICATE)
    alike = Groups(finding for finding in findings if finding.kind in SAME)
    found = {(finding.key, finding.kind) for finding in findings}
    hits = defaultdict[tuple[Planting, Kind], list[bool]](list)
    for one in planted:
        for kind in EXPECTED[one.planting]:
            if kind in SAME:
                groups = exact if kind is Kind.DUPLICATE else alike
                is_found = one.source is not None and groups.of(one.key) == groups.of(one.source)
            else:
                is_found = (one.key, kind) in found
            hits[one.planting, kind].append(is_found)
    return {expected: sum(of_each) / len(of_each) for expected, of_each in hits.items()}


def verdicts(findings: Iterable[Finding], planted: Iterable[Planted]) -> Counter[tuple[Kind, Verdict]]:
    """Judge each finding; return the numbers of each kind and verdict."""
    findings, origin = list(findings), Origin({one.key: one for one in planted})
    groups = {kind: Groups(finding for finding in findings if finding.kind is kind) for kind in SAME}
    counts: Counter[tuple[Kind, Verdict]] = Counter()
    for finding in findings:
        if finding.kind in SAME:
            others = groups[finding.kind].members(finding.key) - {finding.key}
            counts[finding.kind, origin.verdict_of_group(finding.key, others)] += 1
        else:
            counts[finding.kind, origin.verdict(finding)] += 1
    return counts


def precision(counts: Counter[tuple[Kind, Verdict]], kind: Kind) -> float | None:
    """Return the share of the findings of a kind that are right, without those of frames; `None` without findings."""
    right = counts[kind, Verdict.RIGHT]
    judged = right + counts[kind, Verdict.OTHER] + counts[kind, Verdict.UNPLANTED]
    return right / judged if judged else None


class Groups:
    """The groups of images that findings connect."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._group: dict[str, set[str]] = {}
        for finding in findings:
            joined = self.members(finding.key) | self.members(finding.other_key)
            for key in joined:
                self._group[key] = joined

    def members(self, key: str) -> set[str]:
        """Return the images of the group of an image, with the image itself."""
        return self._group.get(key, {key})

    def of(self, key: str) -> str:
        """Return a name of the group of an image."""
        return min(self.members(key))


@dataclass(frozen=True)
class Origin:
    """Where images come from."""

    planted: dict[str, Planted]
    """Planted images by their keys."""

    def family(self, key: str) -> str:
        """Return a name that all images have in common that were made of the same image."""
        one = self.planted.get(key)
        if one is None:
            return key
        return one.source or one.planting

    def variety(self, key: str) -> str:
        """Return what an image shows."""
        return Path(self.family(key)).parent.name

    def verdict(self, finding: Finding) -> Verdict:
        """Judge a finding of a single image."""
        one = self.planted.get(finding.key)
        if one is None:
            return Verdict.UNPLANTED
        is_right = finding.kind in {*EXPECTED[one.planting], *ALSO_RIGHT.get(one.planting, ())}
        return Verdict.RIGHT if is_right else Verdict.OTHER

    def verdict_of_group(self, key: str, others: set[str]) -> Verdict:
        """Judge that an image is in a group with others."""
        if self.family(key) in {self.family(other) for other in others}:
            return Verdict.RIGHT
        if self.variety(key) in {self.variety(other) for other in others}:
            return Verdict.FRAMES
        return Verdict.OTHER if key in self.planted else Verdict.UNPLANTED
