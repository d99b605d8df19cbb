"""An update of 100 images on corpora of several sizes: `python -m benchmarks.update IMAGES --weights FILE`.

The features of the corpora are synthetic; the program writes them to the tables itself. Each round measures, on every
corpus in turn:

- *new*: 100 new images in a new folder, with the present basis;
- *replaced*: 100 replaced images in all folders, with the present basis;
- *new, refitted*: like *new*, with a refit.

The program prints the seconds of the whole command, the megabytes that it read in addition to the images themselves,
and the peak memory of the driver and the JVM.
"""

import json
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.clustered import constant_columns, measured_columns, table_of
from benchmarks.corpus import Corpus, argument_parser
from benchmarks.measurement import Comparison, Figure, Section, Setting, Size
from benchmarks.memory import timed
from contract.layout import TABLES
from contract.tables import Table
from localspark.session import local_session_conf
from spark_app.engine.model import model_id_of
from spark_app.engine.weights import find_weights
from spark_app.session import open_session
from spark_app.settings import FEATURE_COUNT, RunSettings
from spark_app.tables import RowChanges, Tables

SIZES = (1_000, 10_000, 50_000)
UPDATE = 100
VARIETY_COUNT = 131
ROWS_PER_COMMIT = 5_000
BASIS_SIZE = 100


class Cost(NamedTuple):
    """What an update takes; memory is the peak of a process."""

    seconds: float
    megabytes_read: float
    megabytes_of_features: float
    """Size of the data files of the table `features`, with those of earlier snapshots."""
    driver_megabytes: float
    jvm_megabytes: float


Costs = dict[tuple[str, int], list[Cost]]
"""Costs of a kind of update of a corpus of a size, one per round."""


def measure(setting: Setting) -> Section:
    """Measure updates of 100 images on a small and on a large corpus."""
    small, large = (1_000, 5_000) if setting.size is Size.SMALL else (1_000, 50_000)
    costs = costs_of(setting, (small, large))
    figures = [
        Figure(f"{UPDATE} images on {size:,}, {what}", "s", tuple(cost.seconds for cost in values))
        for (what, size), values in costs.items()
    ]
    comparisons = [
        _ratio(f"{UPDATE} images, new: on {large:,} / on {small:,}", costs["new", large], costs["new", small], 1.2),
        _ratio(
            f"{UPDATE} images, replaced: on {large:,} / on {small:,}",
            costs["replaced", large],
            costs["replaced", small],
            1.3,
        ),
        *(_seconds_of_ten(what, large, costs[what, large]) for what in ("new", "replaced")),
        _passes(large, costs),
    ]
    return Section(f"Updates of {UPDATE} images", tuple(figures), tuple(comparisons))


def _ratio(name: str, costs: list[Cost], others: list[Cost], at_most: float) -> Comparison:
    ratios = (cost.seconds / other.seconds for cost, other in zip(costs, others, strict=True))
    return Comparison(name, tuple(ratios), at_most=at_most)


def _seconds_of_ten(what: str, size: int, costs: list[Cost]) -> Comparison:
    name = f"{UPDATE} images on {size:,}, {what}: whole command / 10 s"
    return Comparison(name, tuple(cost.seconds / 10 for cost in costs), at_most=1.0)


def _passes(size: int, costs: Costs) -> Comparison:
    """Compare what a refit reads in addition with the size of the features: two passes would read twice of it."""
    both = zip(costs["new, refitted", size], costs["new", size], strict=True)
    ratios = ((refit.megabytes_read - other.megabytes_read) / refit.megabytes_of_features for refit, other in both)
    return Comparison(f"refit on {size:,}: MB read in addition / MB of features", tuple(ratios), at_most=1.9)


def costs_of(setting: Setting, sizes: Sequence[int]) -> Costs:
    """Update corpora of several sizes in turn; return the costs of each update and size, one per round."""
    pictures = cycle(sorted(setting.images.rglob("*.jpg")))
    costs: Costs = {}
    corpora = {size: make_corpus(setting.scratch / str(size), size, setting.weights) for size in sizes}
    for number in range(setting.rounds):
        for what in ("new", "replaced", "new, refitted"):
            for size, corpus in corpora.items():
                corpus.put(keys_of(what, number, size), pictures)
                costs.setdefault((what, size), []).append(update(corpus, setting.weights, what))
    return costs


def main() -> None:
    """Measure, and print a table of medians."""
    parser = argument_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Size.FULL, arguments.images, arguments.weights, Path(folder), arguments.rounds)
        rows = costs_of(setting, arguments.sizes)
    print(f"{'':<24}{'seconds':>9}{'range':>16}{'MB read':>9}{'driver MB':>11}{'JVM MB':>8}")
    for (what, size), values in rows.items():
        seconds, read, _, driver, jvm = (statistics.median(column) for column in zip(*values, strict=True))
        least, most = min(cost.seconds for cost in values), max(cost.seconds for cost in values)
        spread = f"{least:.1f} - {most:.1f}"
        print(f"{what:<15}{size:>7,}  {seconds:9.1f}{spread:>16}{read:9.1f}{driver:11.0f}{jvm:8.0f}")


def make_corpus(folder: Path, size: int, weights: str) -> Corpus:
    """Write synthetic features to the tables of an output, and run an update that makes the rest of it."""
    corpus = write_corpus(folder, size, weights, synthetic)
    update(corpus, weights, "first")
    return corpus


def write_corpus(folder: Path, size: int, weights: str, rows_of: Callable[[int, str], Iterable[pa.Table]]) -> Corpus:
    """Write synthetic features to the tables of an output.

    Parameters
    ----------
    rows_of
        Returns tables of rows for a number of images and a model id.
    """
    corpus = Corpus.below(folder)
    found = find_weights(weights)
    if found is None:
        raise SystemExit(f"There are no weights {weights}.")
    settings = RunSettings(images=corpus.images.as_uri(), output=corpus.output.as_uri())
    with local_session_conf("local[*,3]", folder / "log") as conf, open_session(settings, conf) as spark:
        tables = Tables(spark, settings.catalog.database)
        tables.create()
        for number, table in enumerate(rows_of(size, model_id_of(found))):
            pq.write_table(table, folder / f"{number}.parquet")
            frame = spark.read.parquet(str(folder / f"{number}.parquet"))
            tables.commit(Table.FEATURES, RowChanges(frame, "true", table.num_rows, 0, []))
            (folder / f"{number}.parquet").unlink()
    return corpus


def synthetic(size: int, model_id: str) -> Iterator[pa.Table]:
    """Yield rows of features with falling variance and many zeros, like those of a network."""
    random = np.random.default_rng(0)
    spread = random.normal(size=(200, FEATURE_COUNT)) * 0.98 ** np.arange(200)[:, np.newaxis]
    for start in range(0, size, ROWS_PER_COMMIT):
        n = min(ROWS_PER_COMMIT, size - start)
        features = np.maximum(random.normal(size=(n, 200)) @ spread / 10, 0).astype(np.float32)
        labels = [f"Variety {number % VARIETY_COUNT:03}" for number in range(start, start + n)]
        columns = {
            **constant_columns(model_id, n),
            **measured_columns(random, np.arange(start, start + n)),
            "key": [f"{label}/{number}.jpg" for number, label in enumerate(labels, start)],
            "label": labels,
            "features": list(features),
        }
        yield table_of(columns)


def keys_of(what: str, number: int, size: int) -> list[str]:
    """Return the keys of the images of an update in a round."""
    if what.startswith("new"):
        return [f"{what} {number}/{index}.jpg" for index in range(UPDATE)]
    rows = [index * (size // UPDATE) + number for index in range(UPDATE)]
    return [f"Variety {row % VARIETY_COUNT:03}/{row}.jpg" for row in rows]


def update(corpus: Corpus, weights: str, what: str) -> Cost:
    """Run an update with `fruits run`."""
    threshold = "1" if what.endswith("refitted") else "0"
    places = ["--images", str(corpus.images), "--output", str(corpus.output)]
    options = ["--components", str(BASIS_SIZE), "--refit-threshold", threshold, "--weights", weights]
    with tempfile.NamedTemporaryFile() as counted:
        seconds, peaks = timed("benchmarks.counted", counted.name, "run", "--mode", "update", *places, *options)
        read = json.loads(Path(counted.name).read_text())
    data = (corpus.output / TABLES).glob(f"*/{Table.FEATURES}/data/*.parquet")
    of_features = sum(file.stat().st_size for file in data)
    return Cost(seconds, (read["spark"] + read["driver"]) / 1e6, of_features / 1e6, peaks["driver"], peaks["jvm"])


if __name__ == "__main__":
    main()
