"""`fruits run` in comparison with a bare loop: `python -m benchmarks.featurise IMAGES --weights FILE`.

Each round measures these, one after the other, so that a drift of the machine's speed affects all of them:

- *bare loop*: one process that only reads a file, decodes it, and runs LiteRT on it;
- *bare loops at once*: one bare loop per core, which shows what a core achieves while all others are busy;
- *all new*: `fruits run` on all images, with an exported model;
- *nothing new*: the same command again.

The rate of a core in steady state comes from the times at which batches were completed, without the first fifth of them
(workers start, caches are cold) and the last (workers run out of tasks).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.corpus import argument_parser
from benchmarks.memory import timed

BARE_IMAGES = 500


def main() -> None:
    """Measure, and print a table of medians."""
    parser = argument_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare-loop", type=Path, help=argparse.SUPPRESS)  # for the calls of `bare_loops`
    arguments = parser.parse_args()
    if arguments.bare_loop:
        print(bare_loop(arguments.images, arguments.bare_loop))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(arguments.images, Path(folder) / "output", arguments.weights, arguments.rounds)
    for name, values in rows.items():
        print(f"{name:<44}{statistics.median(values):8.2f}   ({min(values):.2f} - {max(values):.2f})")


def compare(images: Path, output: Path, weights: str, rounds: int) -> dict[str, list[float]]:
    """Measure everything in turn; return name → one value per round."""
    cores = os.cpu_count() or 1
    rows: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        rows.setdefault(name, []).append(value)

    note("first run of all, exporting the model, s", timed_run(images, output, weights)[0])
    (model,) = output.glob("models/*/model.tflite")
    for _ in range(rounds):
        note("bare loop, images/s", alone := bare_loops(images, model, 1))
        note(f"bare loops at once ({cores}), images/s each", at_once := bare_loops(images, model, cores))
        for name in ("tables", "results", "pca"):
            shutil.rmtree(output / name)
        seconds, peaks = timed_run(images, output, weights)
        note("all new, s", seconds)
        note("  steady state, images/s per core", rate := steady_rate(output) / cores)
        note("  of the bare loop, %", 100 * rate / alone)
        note("  of the bare loops at once, %", 100 * rate / at_once)
        for role, megabytes in peaks.items():
            note(f"  peak memory of the {role}, MB", megabytes)
        note("nothing new, s", timed_run(images, output, weights)[0])
    return rows


def bare_loop(images: Path, model: Path) -> float:
    """Run the loop in this process; return the images per second."""
    from spark_app.engine.litert_engine import LiteRtEngine
    from spark_app.engine.preprocessing import decode, prepare_decoders
    from spark_app.settings import Limits

    prepare_decoders()
    engine, limits = LiteRtEngine(model.read_bytes()), Limits()
    files = sorted(images.rglob("*.jpg"))[:BARE_IMAGES]
    engine.features(decode(files[0].read_bytes(), limits).pixels[np.newaxis])
    start = time.perf_counter()
    for file in files:
        engine.features(decode(file.read_bytes(), limits).pixels[np.newaxis])
    return len(files) / (time.perf_counter() - start)


def bare_loops(images: Path, model: Path, processes: int) -> float:
    """Run several loops at once, each in a process; return the mean of their images per second."""
    command = [sys.executable, "-m", "benchmarks.featurise", str(images), "--bare-loop", str(model)]
    with ThreadPoolExecutor(processes) as pool:
        answers = pool.map(lambda _: subprocess.check_output(command, text=True), range(processes))
        return statistics.mean(map(float, answers))


def timed_run(images: Path, output: Path, weights: str) -> tuple[float, dict[str, float]]:
    """Run `fruits run`; return its seconds, and the peak memory of its processes."""
    return timed("cli.main", "run", "--images", str(images), "--output", str(output), "--weights", weights)


def steady_rate(output: Path) -> float:
    """Return the images per second of the whole machine in the middle of the last run."""
    times = pq.read_table(output / "tables/fruits/features/data", columns=["processed_at"])["processed_at"]
    done = np.sort(times.to_numpy().astype("datetime64[us]").astype(np.int64)) / 1e6
    middle = done[len(done) // 5 : -len(done) // 5]
    return float((len(middle) - 1) / (middle[-1] - middle[0]))


if __name__ == "__main__":
    main()
