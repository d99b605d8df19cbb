"""The comparison of the published matrix with that of a run on folders: both runs must give the same coordinates."""

import csv
import io
import json
import os
import subprocess
import sys
import tarfile
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


def run_here(images: Path, scratch: Path) -> PublishedMatrix:
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
    return PublishedMatrix.from_csv((results / ResultFile.MATRIX).read_bytes())


def compare(one: PublishedMatrix, other: PublishedMatrix) -> str:
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
