"""`fruits run` in comparison with bare loops and with what people use instead: `python -m benchmarks.featurise`.

Each round measures these, one after the other, so that a drift of the machine's speed affects all of them:

- *bare loop*: one process that only reads a file, decodes it, and runs the network on it;
- *bare loops at once*: one bare loop per core, which shows what a core achieves while all others are busy;
- the whole command from its start on an empty output: this project with an exported model and from weights, Daft, Ray
  Data, and a classic notebook (once, because it is slow). The peers stop at the features, and this project also writes
  tables, statistics, PCA, matrix and report.

The rate *from the first to the last image* leaves out the start of each program. It comes from the times at which
batches were completed. The rate in the *middle* is trimmed by a fifth at both ends, where workers start or run out of
tasks.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from benchmarks import peers
from benchmarks.corpus import copy_images
from benchmarks.measurement import Comparison, Figure, Section, Setting, Size
from benchmarks.memory import timed

OURS, FROM_WEIGHTS, DAFT, DAFT_LITERT = "this project", "this project, from weights", "Daft", "Daft with LiteRT"
RAY, CLASSIC = "Ray Data", "classic notebook"
ALONE, AT_ONCE = "bare loop", "bare loops at once"
RATE, MIDDLE = "first to last image", "middle"

SIMILAR = 0.95
"""Cosine that the features of all programs must have in common.

Daft and Ray Data resize with a bilinear filter, and this project with a bicubic one: the cosine of their features of
small images was at least 0.975. With the same filter, it was at least 0.99; with swapped channels, at most 0.83.
"""

COMPONENTS = 50


@dataclass(frozen=True)
class Scale:
    """Numbers of images of a size of the benchmark."""

    few: int
    many: int
    bare: int


SCALES = {Size.SMALL: Scale(200, 500, 100), Size.FULL: Scale(2_000, 10_000, 500)}


@dataclass(frozen=True)
class Network:
    """The same network in the formats that the programs read."""

    exported: Path
    """Folder of `fruits export`."""
    onnx: Path

    @property
    def litert(self) -> Path:
        """The file that the workers of this project execute."""
        return self.exported / "model.tflite"

    @classmethod
    def of(cls, weights: str, folder: Path) -> "Network":
        """Export the network to both formats."""
        exported, onnx = folder / "exported", folder / "model.onnx"
        timed("cli.main", "export", "--weights", weights, str(exported))
        timed("benchmarks.peers.onnx_model", str(exported / "weights.npz"), str(onnx), python=peers.PYTHON)
        return cls(exported, onnx)


@dataclass(frozen=True)
class Answer:
    """What one command took, and the files that it left."""

    seconds: float
    peaks: Mapping[str, float]
    output: Path
    images: Path

    def times(self) -> npt.NDArray[np.float64]:
        """Return the times in seconds at which the images were complete, in ascending order."""
        column = pq.read_table(self._features, columns=["processed_at"])["processed_at"].to_numpy()
        is_date = np.issubdtype(column.dtype, np.datetime64)
        return np.sort(column.astype("datetime64[us]").astype(np.int64) / 1e6 if is_date else column)

    def features(self, count: int) -> dict[str, npt.NDArray[np.float32]]:
        """Return the features of the first images in the order of their keys."""
        table = pq.read_table(self._features)
        names = [
            _key_of(name, self.images) for name in table["key" if "key" in table.schema.names else "path"].to_pylist()
        ]
        chosen = sorted(range(len(names)), key=names.__getitem__)[:count]
        rows = table["features"].take(chosen).to_pylist()
        return {names[row]: np.asarray(features, np.float32) for row, features in zip(chosen, rows, strict=True)}

    @property
    def _features(self) -> Path:
        tables = self.output / "tables"
        return tables / "fruits/features/data" if tables.is_dir() else self.output


@dataclass
class Rows:
    """The figures so far, by name, and the comparisons."""

    figures: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    ratios: dict[str, list[float]] = field(default_factory=dict)
    targets: dict[str, dict[str, float]] = field(default_factory=dict)

    def note(self, name: str, unit: str, value: float) -> None:
        """Add a value of a figure."""
        self.figures.setdefault((name, unit), []).append(value)

    def compare(self, name: str, ratio: float, **target: float) -> None:
        """Add a ratio of a comparison; `target` is a bound of `Comparison`."""
        self.ratios.setdefault(name, []).append(ratio)
        self.targets[name] = target

    def section(self, title: str) -> Section:
        """Return everything."""
        figures = tuple(Figure(name, unit, tuple(values)) for (name, unit), values in self.figures.items())
        comparisons = (Comparison(name, tuple(ratios), **self.targets[name]) for name, ratios in self.ratios.items())
        return Section(title, figures, tuple(comparisons))


def measure(setting: Setting) -> Section:
    """Measure everything in turn."""
    scale, rows = SCALES[setting.size], Rows()
    network = Network.of(setting.weights, setting.scratch)
    few = copy_images(setting.images, scale.few, setting.scratch / "few")
    many = copy_images(setting.images, scale.many, setting.scratch / "many")
    for number in range(setting.rounds):
        is_first = number == 0
        bare = _bare(rows, setting, network, scale.bare)
        _few(rows, setting, network, few, is_first=is_first)
        _many(rows, network, many, bare, is_first=is_first)
    # The targets are those of the full size; in small sizes, the start of the programs decides.
    if setting.size is Size.SMALL:
        rows.targets = {name: {} for name in rows.targets if "cosine" not in name} | {
            name: target for name, target in rows.targets.items() if "cosine" in name
        }
    return rows.section("Featurising: this project, bare loops, and peers")


def _bare(rows: Rows, setting: Setting, network: Network, count: int) -> float:
    """Measure the bare loops; return the images per second of all cores at once."""
    cores = os.cpu_count() or 1
    rows.note(ALONE, "images/s", bare_loops(setting.images, network.litert, count, 1))
    each = bare_loops(setting.images, network.litert, count, cores)
    rows.note(f"{AT_ONCE} ({cores}), each", "images/s", each)
    return each * cores


def _few(rows: Rows, setting: Setting, network: Network, images: Path, *, is_first: bool) -> None:
    """Compare the whole commands on few images."""
    count = len(list(images.rglob("*.jpg")))
    programs = {
        OURS: lambda output: ours(images, output, str(network.exported)),
        FROM_WEIGHTS: lambda output: ours(images, output, setting.weights),
        DAFT: lambda output: peer("on_daft", images, network.onnx, output),
        RAY: lambda output: peer("on_ray_data", images, network.onnx, output),
    }
    if is_first and setting.size is Size.FULL:
        programs[CLASSIC] = lambda output: classic_notebook(images, network, output)
    answers = _run_all(rows, programs, count, setting.scratch / "output")
    seconds = {name: answer.seconds for name, answer in answers.items()}
    whole = f"{count:,} images, whole command: "
    rows.compare(f"{whole}{OURS} / {DAFT}", seconds[OURS] / seconds[DAFT], at_most=1.25)
    rows.compare(f"{whole}{OURS} / {RAY}", seconds[OURS] / seconds[RAY], at_most=1)
    if CLASSIC in seconds:
        rows.compare(f"{whole}{CLASSIC} / {OURS}", seconds[CLASSIC] / seconds[OURS], at_least=4)
        rows.compare(f"{whole}{CLASSIC} / {FROM_WEIGHTS}", seconds[CLASSIC] / seconds[FROM_WEIGHTS], at_least=3)
    if is_first:
        for name in (DAFT, RAY):
            cosine = least_cosine(answers[OURS], answers[name])
            rows.compare(f"least cosine of the features of 200 images: {OURS} and {name}", cosine, at_least=SIMILAR)


def _many(rows: Rows, network: Network, images: Path, bare: float, *, is_first: bool) -> None:
    """Compare the whole commands and the rates on many images."""
    count = len(list(images.rglob("*.jpg")))
    programs = {
        OURS: lambda output: ours(images, output, str(network.exported)),
        DAFT: lambda output: peer("on_daft", images, network.onnx, output),
    }
    if is_first:
        programs[DAFT_LITERT] = lambda output: peer("on_daft", images, network.litert, output)
        programs[RAY] = lambda output: peer("on_ray_data", images, network.onnx, output)
    answers = _run_all(rows, programs, count, images.parent / "output")
    first_to_last = {name: rate(answer.times()) for name, answer in answers.items()}
    middle = {name: rate(trimmed(answer.times())) for name, answer in answers.items()}
    for name in answers:
        rows.note(f"{count:,} images, {RATE}: {name}", "images/s", first_to_last[name])
        rows.note(f"{count:,} images, {MIDDLE}: {name}", "images/s", middle[name])
    for role, megabytes in answers[OURS].peaks.items():
        rows.note(f"{count:,} images, peak memory of the {role}", "MB", megabytes)
    seconds = {name: answer.seconds for name, answer in answers.items()}
    rows.compare(f"{count:,} images, {RATE}: {OURS} / {DAFT}", first_to_last[OURS] / first_to_last[DAFT], at_least=0.97)
    rows.compare(f"{count:,} images, {MIDDLE}: {OURS} / {DAFT}", middle[OURS] / middle[DAFT])
    rows.compare(f"{count:,} images, {RATE}: {OURS} / {AT_ONCE}", first_to_last[OURS] / bare, at_least=0.92)
    whole = f"{count:,} images, whole command: "
    rows.compare(f"{whole}{OURS} / {DAFT}", seconds[OURS] / seconds[DAFT], at_most=1.15)
    if is_first:
        rows.compare(f"{whole}{OURS} / {DAFT_LITERT}", seconds[OURS] / seconds[DAFT_LITERT])
        rows.compare(f"{whole}{OURS} / {RAY}", seconds[OURS] / seconds[RAY])


def _run_all(
    rows: Rows, programs: Mapping[str, Callable[[Path], Answer]], count: int, folder: Path
) -> dict[str, Answer]:
    """Run programs one after the other, each with an output of its own; note their seconds."""
    answers = {}
    for name, run in programs.items():
        output = folder / f"{count}-{name.replace(',', '').replace(' ', '-')}-{time.time_ns()}"
        output.parent.mkdir(exist_ok=True)
        answers[name] = run(output)
        rows.note(f"{count:,} images, whole command: {name}", "s", answers[name].seconds)
        print(f"{count:,} images: {name} {answers[name].seconds:.1f} s", file=sys.stderr)
    return answers


def ours(images: Path, output: Path, weights: str) -> Answer:
    """Run `fruits run` with 50 components."""
    options = ["--images", str(images), "--output", str(output), "--weights", weights]
    return Answer(*timed("cli.main", "run", *options, "--components", str(COMPONENTS)), output, images)


def peer(module: str, images: Path, model: Path, output: Path) -> Answer:
    """Run Daft or Ray Data in its environment."""
    arguments = [str(images), str(model), str(output)]
    return Answer(*timed(f"benchmarks.peers.{module}", *arguments, python=peers.PYTHON), output, images)


def classic_notebook(images: Path, network: Network, output: Path) -> Answer:
    """Run the classic notebook in the environment of this project, which has TensorFlow and Spark."""
    arguments = [str(images), str(network.exported / "weights.npz"), str(output)]
    return Answer(*timed("benchmarks.peers.classic_notebook", *arguments), output, images)


def bare_loops(images: Path, model: Path, count: int, processes: int) -> float:
    """Run several loops at once, each in a process; return the mean of their images per second."""
    command = [sys.executable, "-m", "benchmarks.bare_loop", str(images), str(model), str(count)]
    with ThreadPoolExecutor(processes) as pool:
        answers = pool.map(lambda _: subprocess.check_output(command, text=True), range(processes))
        return statistics.mean(map(float, answers))


def rate(times: npt.NDArray[np.float64]) -> float:
    """Return the images per second from the first to the last of ascending times.

    The images of the first batch do not count, because the work on them began before the first time.
    """
    duration = float(times[-1] - times[0])
    return float(np.count_nonzero(times > times[0]) / duration) if duration else 0.0


def trimmed(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the times without the first and the last fifth."""
    return times[len(times) // 5 : -(len(times) // 5)]


def least_cosine(one: Answer, other: Answer, count: int = 200) -> float:
    """Return the least cosine of the features of the same images in two answers."""
    left, right = one.features(count), other.features(count)
    if left.keys() != right.keys():
        raise ValueError(f"{one.output.name} and {other.output.name} have features of different images")
    return min(float(left[key] @ right[key] / (np.linalg.norm(left[key]) * np.linalg.norm(right[key]))) for key in left)


def _key_of(name: str, images: Path) -> str:
    return name.removeprefix("file:").removeprefix("//").removeprefix(f"{images}/")


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["--only", "featurise", *sys.argv[1:]]))
