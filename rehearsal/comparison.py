"""The comparison of the published results with those of a run on folders: the same coordinates, the same findings."""

import csv
import io
import json
import math
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdk.packaging import build, packages_for
from cdk.settings import Architecture
from contract.layout import LATEST, ResultFile
from contract.versions import IMAGE_PYTHONS
from rehearsal.errors import RehearsalError

LARGEST_DIFFERENCE = 1e-6
"""Of two coordinates, as a share of the largest one: sums of floats depend on the order in which Spark adds them."""

LARGEST_DIFFERENCE_OF_SCORES = 1e-4
"""Of two scores of findings, as a share of the larger one: they are computed of coordinates in float32."""


@dataclass(frozen=True)
class PublishedMatrix:
    """A matrix, as a reader of the results sees it.

    Attributes
    ----------
    keys
        Keys of the images, in the order of the rows.
    coordinates
        Array of shape (images, components).
    """

    keys: tuple[str, ...]
    coordinates: NDArray[np.float64]

    @classmethod
    def from_csv(cls, body: bytes) -> "PublishedMatrix":
        """Read a matrix from the content of its file."""
        rows = list(csv.reader(io.StringIO(body.decode())))[1:]
        return cls(tuple(row[0] for row in rows), np.array([row[2:] for row in rows], dtype=np.float64))


@dataclass(frozen=True)
class PublishedFindings:
    """The findings, as a reader of the results sees them.

    Attributes
    ----------
    scores
        Score of each finding, by its key, label, kind and other key.
    """

    scores: dict[tuple[str, str, str, str], float]

    @classmethod
    def from_csv(cls, body: bytes) -> "PublishedFindings":
        """Read findings from the content of their file."""
        rows = csv.DictReader(io.StringIO(body.decode(), newline=""))
        return cls({(row["key"], row["label"], row["kind"], row["other_key"]): float(row["score"]) for row in rows})


@dataclass(frozen=True)
class PublishedResults:
    """What two runs on the same images must agree on."""

    matrix: PublishedMatrix
    findings: PublishedFindings

    @classmethod
    def read_with(cls, read: Callable[[ResultFile], bytes]) -> "PublishedResults":
        """Read results with a function that returns the content of one of their files."""
        return cls(
            PublishedMatrix.from_csv(read(ResultFile.MATRIX)), PublishedFindings.from_csv(read(ResultFile.FINDINGS))
        )


def run_here(images: Path, scratch: Path) -> PublishedResults:
    """Run the pipeline on folders, with the `fruits` command and the model that the deployment ships.

    Raises
    ------
    RehearsalError
        If the run fails.
    """
    output, model = scratch / "output", scratch / "model"
    with tarfile.open(build(packages_for(Architecture.X86_64, IMAGE_PYTHONS[0], "seeded").model)) as shipped:
        shipped.extractall(model, filter="data")
    program = [sys.executable, "-m", "cli.main", "run", "--images", str(images), "--output", str(output)]
    # The run needs a process of its own, because a process has one JVM, and one Spark with one configuration.
    done = subprocess.run(
        [*program, "--weights", str(model)],
        env=os.environ | {"TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RehearsalError(f"The run on folders failed: {done.stderr.strip() or done.stdout.strip()}")
    results = output / json.loads((output / LATEST).read_text())["results"]
    return PublishedResults.read_with(lambda file: (results / file).read_bytes())


def compare(one: PublishedResults, other: PublishedResults) -> str:
    """Compare two results of the same images, and describe how well they agree.

    Raises
    ------
    RehearsalError
        If the results differ.
    """
    return f"{compare_matrices(one.matrix, other.matrix)}; {compare_findings(one.findings, other.findings)}"


def compare_findings(one: PublishedFindings, other: PublishedFindings) -> str:
    """Compare the findings of the same images, and describe how well they agree.

    Raises
    ------
    RehearsalError
        If the findings differ.
    """
    if different := sorted(one.scores.keys() ^ other.scores.keys()):
        raise RehearsalError(f"The two runs have different findings: {different[:5]}")
    for finding, score in one.scores.items():
        if not math.isclose(score, other.scores[finding], rel_tol=LARGEST_DIFFERENCE_OF_SCORES, abs_tol=1e-9):
            raise RehearsalError(f"The two runs give {finding} the scores {score} and {other.scores[finding]}.")
    return f"the same {len(one.scores)} findings"


def compare_matrices(one: PublishedMatrix, other: PublishedMatrix) -> str:
    """Compare two matrices of the same images, and describe how well they agree.

    Raises
    ------
    RehearsalError
        If the matrices differ.
    """
    if one.keys != other.keys:
        different = sorted(set(one.keys) ^ set(other.keys))
        raise RehearsalError(f"The two matrices contain different images: {different[:5]}")
    if one.coordinates.shape != other.coordinates.shape:
        raise RehearsalError(f"The matrices have the shapes {one.coordinates.shape} and {other.coordinates.shape}.")
    difference = float(np.abs(one.coordinates - other.coordinates).max() / np.abs(one.coordinates).max())
    if difference > LARGEST_DIFFERENCE:
        raise RehearsalError(f"The two matrices differ by {difference:.1e} of their largest coordinate.")
    rows, columns = one.coordinates.shape
    return f"{rows} images x {columns} components, largest difference {difference:.0e}"
