"""The step `curate` on 50,000 to 200,000 images: `python -m benchmarks.curation_growth --rounds 1`.

The rows of the corpora are synthetic (`benchmarks.clustered`). On each corpus, the benchmark measures

- *first*: the first run, which compares all images with each other;
- *update*: 100 new and 10 removed images, with the present basis.

A corpus is compared in full at each refit, whose time is quadratic; an update should cost what has changed, apart from
reading narrow columns. The full size takes about ten minutes, so that `make benchmark` includes this benchmark only
with `ONLY=curation_growth`.
"""

import json
import subprocess
import sys
from itertools import cycle

from benchmarks.clustered import clustered
from benchmarks.corpus import Corpus
from benchmarks.featurise import Rows
from benchmarks.measurement import Section, Setting, Size
from benchmarks.memory import timed
from benchmarks.update import BASIS_SIZE, UPDATE, write_corpus
from contract.layout import LATEST, ResultFile

SIZES = {Size.SMALL: (5_000, 10_000), Size.FULL: (50_000, 100_000, 200_000)}
REMOVED = 10
STEP = "curate"

FLAT = 4.4
"""Growth of the update, and of the memory, at four times the number of images that still counts as linear."""


def measure(setting: Setting) -> Section:
    """Measure the first run and updates of all sizes."""
    rows, sizes = Rows(), SIZES[setting.size]
    pictures = cycle(sorted(setting.images.rglob("*.jpg")))
    seconds: dict[int, float] = {}
    for size in sizes:
        corpus = write_corpus(setting.scratch / str(size), size, setting.weights, clustered)
        _note(rows, f"{size:,} images, first", *_run(corpus, setting.weights))
        for number in range(setting.rounds):
            corpus.put([f"new {number}/{index}.jpg" for index in range(UPDATE)], pictures)
            _remove(corpus, number)
            took = _run(corpus, setting.weights)
            seconds[size] = took[0][STEP]
            _note(rows, f"{size:,} images, update", *took)
    growth = seconds[sizes[-1]] / seconds[sizes[0]]
    target = {"at_most": FLAT} if setting.size is Size.FULL else {}
    rows.compare(f"update, {STEP}: {sizes[-1]:,} / {sizes[0]:,} images", growth, **target)
    return rows.section("Curation of large corpora")


def _remove(corpus: Corpus, number: int) -> None:
    """Write notices of images of the corpus, which have no files."""
    first = next(iter(clustered(REMOVED * (number + 1), "")))["key"].to_pylist()[-REMOVED:]
    places = ["--images", str(corpus.images), "--output", str(corpus.output)]
    subprocess.run([sys.executable, "-m", "cli.main", "notify", *places, *first], check=True, stdout=subprocess.DEVNULL)


def _run(corpus: Corpus, weights: str) -> tuple[dict[str, float], float, dict[str, float]]:
    """Run an update; return the seconds of its steps and of the command, and the peak memory of its processes."""
    places = ["--images", str(corpus.images), "--output", str(corpus.output)]
    options = ["--components", str(BASIS_SIZE), "--refit-threshold", "0", "--weights", weights]
    seconds, peaks = timed("cli.main", "run", "--mode", "update", *places, *options)
    results = json.loads((corpus.output / LATEST).read_text())["results"]
    summary = json.loads((corpus.output / results / ResultFile.SUMMARY).read_text())
    return summary["timings"], seconds, peaks


def _note(rows: Rows, name: str, timings: dict[str, float], seconds: float, peaks: dict[str, float]) -> None:
    print(f"{name}: {STEP} {timings[STEP]:.1f} s, whole command {seconds:.1f} s, {peaks}", file=sys.stderr)
    rows.note(f"{name}: step {STEP}", "s", timings[STEP])
    rows.note(f"{name}: whole command", "s", seconds)
    for role, megabytes in peaks.items():
        rows.note(f"{name}: peak memory of the {role}", "MB", megabytes)


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["--only", "curation_growth", *sys.argv[1:]]))
