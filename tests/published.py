"""Published results, read as a reader would."""

import csv
import io
from pathlib import Path

import numpy as np

from spark_app.csv_files import texts_of


def read_table(path: Path) -> list[list[str]]:
    """Read the rows of a CSV file, without its header."""
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))[1:]


def read_matrix(folder: Path) -> tuple[list[str], np.ndarray]:
    """Read the keys and the coordinates of the results in a folder. No key of the tests begins with an apostrophe."""
    rows = read_table(folder / "pca.csv")
    return [texts_of(row[0])[-1] for row in rows], np.array([row[2:] for row in rows], dtype=float)
