"""The same images, run on this machine with folders: the matrix must be the same."""

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

TOLERANCE = 1e-6
"""Of coordinates, as a share of the largest: sums of floats depend on the order in which Spark hands them over."""


@dataclass(frozen=True)
class Matrix:
    """A matrix as it is published.

    Attributes
    ----------
    keys
        Of the images, in the order of the rows.
    coordinates
        (images, components).
    """

    keys: tuple[str, ...]
    coordinates: NDArray[np.float64]

    @classmethod
    def from_csv(cls, text: str) -> "Matrix":
        """Read a matrix back."""
        rows = list(csv.reader(io.StringIO(text)))[1:]
        return cls(tuple(row[0] for row in rows), np.array([row[2:] for row in rows], dtype=np.float64))


def run_here(images: Path, scratch: Path) -> Matrix:
    """Run the pipeline on folders, with the ordinary command and the model that was shipped.

    Parameters
    ----------
    images
        Folder of pictures.
    scratch
        Folder for all that the run leaves.

    Raises
    ------
    RehearsalError
        If it fails.
    """
    output, model = scratch / "output", scratch / "model"
    with tarfile.open(build(packages_for(Architecture.X86_64, IMAGE_PYTHONS[0], "seeded").model)) as shipped:
        shipped.extractall(model, filter="data")
    program = [sys.executable, "-m", "cli.main", "run", "--images", str(images), "--output", str(output)]
    done = subprocess.run(
        [*program, "--weights", str(model)],
        env=os.environ | {"TMPDIR": str(scratch)},  # its log goes with all else
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RehearsalError(f"The run on this machine fails: {done.stderr.strip() or done.stdout.strip()}")
    results = output / json.loads((output / LATEST).read_text())["results"]
    return Matrix.from_csv((results / ResultFile.MATRIX).read_text())


def compare(ours: Matrix, theirs: Matrix) -> str:
    """Say how two matrices of the same images agree.

    Raises
    ------
    RehearsalError
        If they don't.
    """
    if ours.keys != theirs.keys:
        difference = sorted(set(ours.keys) ^ set(theirs.keys))
        raise RehearsalError(f"The two matrices are not about the same images: {difference[:5]}")
    if ours.coordinates.shape != theirs.coordinates.shape:
        raise RehearsalError(f"The matrices have shapes {ours.coordinates.shape} and {theirs.coordinates.shape}.")
    apart = float(np.abs(ours.coordinates - theirs.coordinates).max() / np.abs(ours.coordinates).max())
    if apart > TOLERANCE:
        raise RehearsalError(f"The two matrices differ by {apart:.1e} of their largest coordinate.")
    rows, columns = ours.coordinates.shape
    return f"{rows} images x {columns} components, {apart:.0e} apart"
