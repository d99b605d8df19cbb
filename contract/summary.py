"""What a run says of itself: ``results/<run_id>/summary.json`` and ``results/latest.json``."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many images a run met, and what became of them.

    ``listed = featurised + rejected + unchanged``, and in an `update` the notices of removals beside.
    """

    listed: int = 0
    """Images the run was asked to look at."""
    featurised: int = 0
    """Images whose features were computed in this run."""
    unchanged: int = 0
    """Images already worked through in an earlier run, features or refusal, and the same since."""
    replaced: int = 0
    """Of those featurised: images that had features of an earlier version of the file."""
    removed: int = 0
    """Images that are gone, and whose rows have gone with them."""
    rejected: int = 0
    """Images refused in this run."""
    images: int = 0
    """Rows of the matrix after this run."""
    rejects: int = 0
    """Images that stand refused after this run, whichever run refused them."""


@dataclass(frozen=True, kw_only=True)
class PcaSummary:
    """The basis of the published matrix."""

    requested: float
    """What was asked for: a count, or a fraction of the variance."""
    components: int
    standardize: bool
    captured: float
    """Fraction of the variance of the features that the components keep."""
    of_best: float
    """The same, as a fraction of what the best basis of this size would keep: 1 for a basis that was just fitted."""
    kept: bool
    """Whether the basis was in force before this run: then old coordinates stay as they were."""
    reason: str
    """Why it was kept, or fitted: the end of a sentence."""
    fitted_to: int
    """Images that the basis was fitted to."""
    refit_threshold: float
    """Below which `of_best` another basis would have been fitted."""


@dataclass(frozen=True, kw_only=True)
class MatrixFile:
    """One file of the matrix: the rows of a range of keys, in their order."""

    file: str
    """Its key below the root. It may be that of an earlier run, if no row of it has changed since."""
    first_key: str
    """The range begins here, and ends where that of the next file begins. Empty for the first file."""
    rows: int


@dataclass(frozen=True, kw_only=True)
class WeightsSummary:
    """Where the network's weights come from."""

    kind: str
    """``imagenet``, ``seeded`` (untrained), or ``file``."""
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """The rows that the results were made of: Iceberg snapshots of the tables, None for one without rows yet.

    Compaction makes other snapshots of the same rows; they go by the name of the first.
    """

    features: int | None
    components: int | None
    rejects: int | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One complete run."""

    run_id: str
    mode: str
    started_at: str
    finished_at: str
    model_id: str
    engine: str
    weights: WeightsSummary
    counts: Counts
    pca_version: str | None
    """Name of the basis of the matrix; None where there is no matrix."""
    pca: PcaSummary | None
    """None where no image could be read: there is nothing to analyse."""
    matrix: list[MatrixFile]
    """The files of the matrix, in the order of the keys: ``pca.csv`` alone, or several where there are many rows."""
    snapshots: Snapshots
    timings: dict[str, float]
    """Seconds of each step, in the order of the steps."""
    images_per_second: float | None
    """Rate of the featurising step; None where no image was computed."""
    settings: dict[str, Any]
    versions: dict[str, str]
    notes: list[str] = field(default_factory=list)
    """What the reader should know before trusting the numbers, a sentence each."""

    def to_json(self) -> str:
        """Write the summary as a JSON document."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a summary back.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the document is not a summary.
        """
        document = json.loads(text)
        pca = document.pop("pca")
        return cls(
            counts=Counts(**document.pop("counts")),
            weights=WeightsSummary(**document.pop("weights")),
            snapshots=Snapshots(**document.pop("snapshots")),
            pca=PcaSummary(**pca) if pca else None,
            matrix=[MatrixFile(**file) for file in document.pop("matrix")],
            **document,
        )


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The pointer to the last complete run."""

    run_id: str
    results: str
    """Folder of its results, below the root."""
    finished_at: str

    def to_json(self) -> str:
        """Write the pointer as a JSON document."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the pointer back.

        Raises
        ------
        ValueError, TypeError
            If the document is not such a pointer.
        """
        return cls(**json.loads(text))
