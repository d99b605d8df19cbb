"""The section `run`: what one run of the pipeline over real images has left in its results."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from contract.layout import MODELS, ResultFile
from contract.summary import Summary
from handover.commands import results_of, run_fruits
from handover.errors import HandoverError
from handover.figures.machine import machine
from spark_app.engine.model import FILES
from spark_app.settings import FEATURE_COUNT, Engine


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """A complete run. Shares are between 0 and 1."""

    date: str
    images: int
    """Images that the run listed."""
    varieties: int
    rows: int
    """Rows of the matrix."""
    rejects: int
    seconds: float
    """Duration of the whole run."""
    images_per_second: float
    """Rate of the step that computes features."""
    model_bytes: int
    """Size of the exported network, which a run broadcasts to its workers."""
    timings: dict[str, float]
    """Seconds of each step."""
    features: int
    components: int
    requested: float
    """Share of the variance that the run was asked to keep."""
    explained_1: float
    explained_2: float
    explained_3: float
    explained_10: float
    explained_50: float
    """Cumulative share of the first components, or of all that the run keeps if they are fewer."""
    components_80: int
    components_90: int
    """Number of components for 80 % and 90 % of the variance."""
    same_variety: float
    """Share of the images whose nearest neighbour, along the components, has the same variety."""
    findings: dict[str, int]
    matrix_bytes: int
    weights: str
    """Name of the file of the weights, or their kind."""
    machine: dict[str, Any]
    versions: dict[str, str]

    def __post_init__(self) -> None:
        if self.images != self.rows + self.rejects:
            raise HandoverError(
                f"The run listed {self.images} images, but has {self.rows} rows and {self.rejects} refused ones: "
                "delete its output, and run again, so that the figures are those of one whole run."
            )


def run_pipeline(images: Path, weights: str, output: Path) -> None:
    """Run the pipeline on an output that does not exist yet.

    Raises
    ------
    HandoverError
        If the output exists, because the figures are those of a first run.
    FailedError
        If the run fails.
    """
    if output.exists():
        raise HandoverError(f"{output} exists, and the figures are those of a first run: delete it first.")
    run_fruits("run", "--images", images, "--output", output, "--weights", weights)


def run_figures(output: Path) -> dict[str, Any]:
    """Return the section for the last complete run of an output.

    Raises
    ------
    HandoverError
        If the output has no complete run, or if the run has not computed all its images itself.
    """
    results = results_of(output)
    summary = Summary.from_json((results / ResultFile.SUMMARY).read_text())
    if not (summary.pca and summary.findings and summary.findings.components and summary.images_per_second):
        raise HandoverError(f"The last run of {output} has no matrix of labelled images: give other images.")
    cumulative = [float(row["cumulative"]) for row in rows_of(results / ResultFile.EXPLAINED_VARIANCE)]
    matrix = rows_of(results / ResultFile.MATRIX)
    return asdict(
        RunFigures(
            date=summary.finished_at[:10],
            images=summary.counts.listed,
            varieties=len({row["label"] for row in matrix}),
            rows=len(matrix),
            rejects=summary.counts.rejects,
            seconds=seconds_between(summary.started_at, summary.finished_at),
            images_per_second=summary.images_per_second,
            model_bytes=(output / MODELS / summary.model_id / FILES[Engine(summary.engine)]).stat().st_size,
            timings=summary.timings,
            features=FEATURE_COUNT,
            components=summary.pca.components,
            requested=summary.pca.requested,
            explained_1=explained_by(1, cumulative),
            explained_2=explained_by(2, cumulative),
            explained_3=explained_by(3, cumulative),
            explained_10=explained_by(10, cumulative),
            explained_50=explained_by(50, cumulative),
            components_80=components_for(0.8, cumulative),
            components_90=components_for(0.9, cumulative),
            same_variety=summary.findings.components.nearest_neighbour,
            findings={str(kind): count for kind, count in summary.findings.counts.items()},
            matrix_bytes=sum(part.digest.size for part in summary.matrix if part.digest),
            weights=Path(summary.settings["weights"]).name,
            machine=machine(),
            versions=summary.versions,
        )
    )


def rows_of(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def explained_by(count: int, cumulative: Sequence[float]) -> float:
    """Return the share that the first components explain, or all that the run keeps if they are fewer."""
    return cumulative[min(count, len(cumulative)) - 1]


def components_for(share: float, cumulative: Sequence[float]) -> int:
    """Return the least number of components that explain a share of the variance.

    Raises
    ------
    HandoverError
        If the components that the run keeps explain less.
    """
    found = next((number for number, explained in enumerate(cumulative, 1) if explained >= share), None)
    if found is None:
        raise HandoverError(f"The components of this run explain less than {share:.0%} of the variance: keep 95 %.")
    return found


def seconds_between(start: str, end: str) -> float:
    """Return the seconds between two times in ISO format."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
