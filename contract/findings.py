"""What the curation finds: the kinds of findings, and their numbers in the summary of a run."""

from dataclasses import dataclass
from enum import StrEnum

from contract.digest import Digest


class Kind(StrEnum):
    """Kinds of findings: the values of the column `kind` of the table `findings`."""

    DUPLICATE = "duplicate"
    """The file has the same bytes as another one."""
    NEAR_DUPLICATE = "near_duplicate"
    """The image looks like another one: a copy that was encoded, resized, cropped or brightened, or the next frame."""
    OUTLIER = "outlier"
    """The image is far from the corpus."""
    LABEL_OUTLIER = "label_outlier"
    """The image is far from the other images of its label."""
    LABEL_DOUBT = "label_doubt"
    """The images that are most like it have another label."""
    DARK = "dark"
    BRIGHT = "bright"
    BLURRY = "blurry"
    LOW_INFORMATION = "low_information"
    """The image shows hardly anything, such as a single colour."""
    ODD_SIZE = "odd_size"
    """The image is much smaller, larger, or more oblong than the others."""


GROUPS = {
    "duplicates": (Kind.DUPLICATE, Kind.NEAR_DUPLICATE),
    "outliers": (Kind.OUTLIER, Kind.LABEL_OUTLIER),
    "doubtful labels": (Kind.LABEL_DOUBT,),
    "bad pictures": (Kind.DARK, Kind.BRIGHT, Kind.BLURRY, Kind.LOW_INFORMATION, Kind.ODD_SIZE),
}
"""Kinds that a reader counts together."""

FINDING_COLUMNS = ("key", "label", "kind", "score", "other_key", "detail")
"""Columns of ``findings.csv``, and of the table `findings`."""


@dataclass(frozen=True, kw_only=True)
class Representation:
    """How often the nearest image, and the nearest centroid of a label, have the label of an image.

    Near-duplicates of the image do not count as its neighbours, and belong to no centroid. Values from 0 to 1.
    """

    images: int
    """Number of images with a label that were compared."""
    nearest_neighbour: float
    nearest_centroid: float


@dataclass(frozen=True, kw_only=True)
class FindingsSummary:
    """The findings of a run."""

    counts: dict[str, int]
    """Number of findings of each kind, in the order of `Kind`; kinds without findings have 0."""
    images: dict[str, int]
    """Number of images with findings of each group of `GROUPS`."""
    unmeasured: int
    """Images without measurements, because an earlier version of the pipeline, or a run without findings, has
    computed them."""
    unjudged: int
    """Images whose label has too few other images, near-duplicates left out, to judge whether it is theirs."""
    has_all_pairs: bool
    """Whether all pairs of near-duplicates were compared: not so in a flood of almost equal images."""
    has_neighbours: bool
    """Whether labels were compared with those of the nearest images: not so if the images are too many."""
    file: Digest
    """Digest of ``findings.csv``."""
    components: Representation | None = None
    """Quality of the components, on all images; `None` if there are no two labels to tell apart."""
    sampled_components: Representation | None = None
    """Quality of the components, on a sample of the images at the last refit."""
    sampled_features: Representation | None = None
    """Quality of the features, on the same sample: the difference is the cost of the reduction."""

    @property
    def total(self) -> int:
        """Number of findings of all kinds."""
        return sum(self.counts.values())
