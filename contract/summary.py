"""Documents that a complete run publishes: ``results/<run_id>/summary.json`` and ``results/latest.json``."""

from dataclasses import dataclass, field, replace
from typing import Any

from contract.digest import Digest
from contract.documents import Document, DocumentError
from contract.findings import FindingsSummary
from contract.layout import results_folder
from contract.names import check_matrix_file, check_run_id


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Numbers of images in a run.

    ``listed = featurised + rejected + unchanged``; in an `update`, `listed` also contains the notices of removals.
    """

    listed: int = 0
    """Images that the run examined."""
    featurised: int = 0
    """Images whose features the run computed."""
    unchanged: int = 0
    """Images that have not changed since an earlier run computed or refused them."""
    replaced: int = 0
    """Featurised images that had features of an earlier version of the file."""
    removed: int = 0
    """Images that no longer exist, and whose rows the run removed."""
    rejected: int = 0
    """Images that the run refused."""
    images: int = 0
    """Rows of the matrix after the run."""
    rejects: int = 0
    """All images that are refused after the run, including those that earlier runs refused."""


@dataclass(frozen=True, kw_only=True)
class PcaSummary:
    """The basis of the published matrix."""

    requested: float
    """Requested number of components, or share of the variance."""
    components: int
    standardize: bool
    captured: float
    """Share of the variance of the features that the components capture."""
    of_best: float
    """`captured`, divided by the share that the best basis of this size would capture: 1 for a new basis."""
    kept: bool
    """Whether the run kept the basis of an earlier run, and with it all coordinates."""
    reason: str
    """Why the run kept or refitted the basis: the end of a sentence."""
    fitted_to: int
    """Number of images that the basis was fitted to."""
    refit_threshold: float
    """Value of `of_best` below which the run refits the basis."""


@dataclass(frozen=True, kw_only=True)
class MatrixFile:
    """One file of the matrix: the rows of a range of keys, sorted by key."""

    file: str
    """Key of the file below the root. An earlier run has written the file if no row of it has changed since."""
    first_key: str
    """Begin of the range, which ends before `first_key` of the next file. Empty for the first file."""
    rows: int
    digest: Digest | None = None
    """`None` in summaries of earlier versions."""

    def __post_init__(self) -> None:
        check_matrix_file(self.file)


@dataclass(frozen=True, kw_only=True)
class WeightsSummary:
    """Origin of the network's weights."""

    kind: str
    """``imagenet``, ``seeded`` (untrained), or ``file``."""
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """Iceberg snapshots of the tables that the results were made of; `None` for a table without rows.

    A compaction makes a new snapshot of the same rows. It is recorded under the id of the first one.
    """

    features: int | None
    components: int | None
    rejects: int | None
    findings: int | None = None
    """`None` in summaries of earlier versions, too."""

    def have_images_of(self, other: "Snapshots") -> bool:
        """Return whether all tables have the same rows as others, except for the findings, which follow from these."""
        return replace(self, findings=None) == replace(other, findings=None)


@dataclass(frozen=True, kw_only=True)
class Summary(Document):
    """Summary of a complete run."""

    run_id: str
    mode: str
    started_at: str
    finished_at: str
    model_id: str
    engine: str
    weights: WeightsSummary
    counts: Counts
    pca_version: str | None
    """Version of the basis of the matrix; `None` if there is no matrix."""
    pca: PcaSummary | None
    """`None` if no image could be read."""
    matrix: list[MatrixFile]
    """Files of the matrix, in the order of the keys: ``pca.csv`` alone, or several files of a large matrix."""
    snapshots: Snapshots
    timings: dict[str, float]
    """Seconds of each step, in the order of the steps."""
    images_per_second: float | None
    """Rate of the step that computes features; `None` if the run computed none."""
    settings: dict[str, Any]
    versions: dict[str, str]
    notes: list[str] = field(default_factory=list)
    """Sentences that a reader should know before trusting the numbers."""
    rejects: Digest | None = None
    """Digest of ``rejects.csv``; `None` in summaries of earlier versions."""
    findings: FindingsSummary | None = None
    """`None` without findings, and in summaries of earlier versions."""
    explorer: Digest | None = None
    """Digest of ``explore.html``; `None` without images, and in summaries of earlier versions."""

    def __post_init__(self) -> None:
        check_run_id(self.run_id, "run_id")
        if self.pca_version is not None:
            check_run_id(self.pca_version, "pca_version")


@dataclass(frozen=True, kw_only=True)
class Latest(Document):
    """Pointer to the last complete run."""

    run_id: str
    results: str
    """Folder of its results below the root."""
    finished_at: str

    def __post_init__(self) -> None:
        check_run_id(self.run_id, "run_id")
        if self.results != results_folder(self.run_id):
            raise DocumentError("its results are not those of its run_id")
