"""The PCA of 1280 features, compared with MLlib and scikit-learn: `python -m benchmarks.pca`.

Every subject reads the same Parquet files in a process of its own. Its *fit* begins with the files and ends with the
principal components; its *projection* begins with the files, too, and ends with the coordinates of all rows. The start
of Python and of Spark does not count.

- *this pipeline* in a session of a local run, as `fruits run` opens it;
- *MLlib* (`pyspark.ml.feature.PCA`) in a session with Spark's defaults and 8 GB of heap;
- *PCA* of scikit-learn with the solvers `randomized`, `covariance_eigh` and `full`;
- *IncrementalPCA* of scikit-learn, with batches of its default size.

`PCA` needs all features in memory; `full` is left out where they would not fit.
"""

import json
import os
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.measurement import Comparison, Figure, Section, Setting, Size
from benchmarks.pca_subjects import OURS, SUBJECTS, Answer
from benchmarks.update import synthetic
from spark_app.settings import FEATURE_COUNT

COMPONENTS = 50

ROWS = {Size.SMALL: (5_000,), Size.FULL: (50_000, 200_000)}

NEEDED = {"PCA, full": 6.0, "PCA, covariance_eigh": 3.0, "PCA, randomized": 3.0}
"""Memory that a subject needs, in multiples of the size of the features."""


def measure(setting: Setting) -> Section:
    """Fit and project the same features with every subject in turn."""
    figures: list[Figure] = []
    comparisons: list[Comparison] = []
    for rows in ROWS[setting.size]:
        folder = setting.scratch / f"{rows}-rows"
        write_features(folder, rows)
        # One round of 200,000 rows takes several minutes.
        rounds = setting.rounds if rows == min(ROWS[setting.size]) else 1
        answers = _measured(folder, rows, rounds)
        figures += chain.from_iterable(_figures(rows, name, found) for name, found in answers.items())
        comparisons += _compared(rows, answers)
    return Section(f"PCA of {FEATURE_COUNT} features, {COMPONENTS} components", tuple(figures), tuple(comparisons))


def write_features(folder: Path, rows: int) -> None:
    """Write synthetic features to Parquet files of one column."""
    folder.mkdir(parents=True)
    for number, table in enumerate(synthetic(rows, "synthetic")):
        pq.write_table(table.select(["key", "etag", "label", "features"]), folder / f"{number:03}.parquet")


def _measured(folder: Path, rows: int, rounds: int) -> dict[str, list[Answer]]:
    answers: dict[str, list[Answer]] = {}
    for _ in range(rounds):
        for name in SUBJECTS:
            if NEEDED.get(name, 0) * rows * FEATURE_COUNT * 4 < _available_memory():
                answers.setdefault(name, []).append(_ask(name, folder))
    return answers


def _available_memory() -> int:
    """Return the bytes of memory that programs can take."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _ask(name: str, folder: Path) -> Answer:
    """Run a subject in a process of its own."""
    print(f"PCA: {name}, {folder.name}", file=sys.stderr)
    with tempfile.NamedTemporaryFile("r") as written:
        command = [sys.executable, "-m", "benchmarks.pca_subjects", name, str(folder), str(COMPONENTS), written.name]
        subprocess.run(command, check=True, stdout=sys.stderr)
        return Answer(**json.loads(Path(written.name).read_text()))


def _figures(rows: int, name: str, answers: list[Answer]) -> list[Figure]:
    return [
        Figure(f"{rows:,} x {FEATURE_COUNT}, fit: {name}", "s", tuple(answer.fit for answer in answers)),
        Figure(f"{rows:,} x {FEATURE_COUNT}, projection: {name}", "s", tuple(answer.projection for answer in answers)),
    ]


def _compared(rows: int, answers: dict[str, list[Answer]]) -> list[Comparison]:
    ours = answers[OURS]
    return [
        *(_faster(rows, name, found, ours) for name, found in answers.items() if name != OURS),
        *(_equal(rows, name, found, ours) for name, found in answers.items() if name != OURS),
    ]


def _faster(rows: int, name: str, others: list[Answer], ours: list[Answer]) -> Comparison:
    ratios = tuple(other.fit / own.fit for other, own in zip(others, ours, strict=False))
    return Comparison(
        f"{rows:,} rows, seconds of fit: {name} / {OURS}", ratios, at_least=6.0 if name == "MLlib" else None
    )


def _equal(rows: int, name: str, others: list[Answer], ours: list[Answer]) -> Comparison:
    """Compare the variances. Solvers that are not exact find components of less variance, and never of more."""
    pairs = zip(others, ours, strict=False)
    ratios = tuple(float(np.sum(other.variances) / np.sum(own.variances)) for other, own in pairs)
    exact = name in {"MLlib", "PCA, full", "PCA, covariance_eigh"}
    title = f"{rows:,} rows, variance of {COMPONENTS} components: {name} / {OURS}"
    return Comparison(title, ratios, at_least=1 - 1e-4 if exact else 0.95, at_most=1 + 1e-4)


def main() -> None:
    """Measure, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        size = Size(sys.argv[1]) if len(sys.argv) > 1 else Size.FULL
        section = measure(Setting(size, Path(), "", Path(folder), rounds=3 if size is Size.FULL else 1))
    for figure in section.figures:
        print(f"{figure.name:<60}{figure.median:10.2f} {figure.unit}")
    for comparison in section.comparisons:
        print(f"{comparison.name:<80}{comparison.median:10.5f}  {'' if comparison.is_reached else 'not reached'}")


if __name__ == "__main__":
    main()
