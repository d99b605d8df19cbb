"""The section `benchmark`: the medians that documents quote, from the JSON of `python -m benchmarks`."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handover.errors import HandoverError

Medians = dict[str, float]
"""Name of a figure, as the benchmark prints it → its median."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkFigures:
    """The command beside its peers, on one machine.

    The keys of `rates` and of the seconds are programs: `this_project`, `daft`, `ray_data`, `daft_with_litert`, and, in
    benchmarks of full size, `classic_notebook`.
    """

    date: str
    size: str
    rounds: int
    """Of the rates and of the seconds of whole commands; the PCA may have been measured at another time."""
    machine: dict[str, Any]
    """With the load average at the start: above 0.5 per core, other programs slowed down what was measured."""
    few: int
    many: int
    """Numbers of images."""
    seconds_few: Medians
    seconds_many: Medians
    """Seconds of whole commands, from a cold start."""
    rates: Medians
    """Images a second from the first to the last image, of `many` images."""
    bare_rate: float
    """Images a second of bare loops, one per core, which only read, decode and compute."""
    ratios: Medians
    """This project's rate divided by that of each program, and of `bare_loops`."""
    pca_rows: int
    """Rows of the features that PCA is fitted to."""
    pca_seconds: Medians
    """Seconds of the fit, by program: `this_project`, `mllib`, ..."""


def benchmark_figures(*files: Path) -> dict[str, Any]:
    """Return the section, with the figures of each benchmark from the first file that has it.

    Raises
    ------
    HandoverError
        If a file is not the JSON of `python -m benchmarks`, or if all lack figures of `featurise` or `pca`.
    """
    names, documents = " and ".join(map(str, files)), [document_of(file) for file in files]
    try:
        document, featurise = medians_in(documents, "featurise", names)
        _, pca = medians_in(documents, "pca", names)
        return _section(document, featurise, pca)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HandoverError(
            f"{names} lacks figures that the documents quote: run `python -m benchmarks --only featurise pca`."
        ) from error


def _section(document: dict[str, Any], featurise: Medians, pca: Medians) -> dict[str, Any]:
    few, *_, many = sorted(counts_in(featurise))
    rates = programs(featurise, f"{many:,} images, first to last image: ")
    bare_rate = bare_rate_of(featurise)
    pca_rows = max(int(name.partition(" x ")[0].replace(",", "")) for name in pca if ", fit: " in name)
    return asdict(
        BenchmarkFigures(
            **{name: document[name] for name in ("date", "size", "rounds", "machine")},
            few=few,
            many=many,
            seconds_few=programs(featurise, f"{few:,} images, whole command: "),
            seconds_many=programs(featurise, f"{many:,} images, whole command: "),
            rates=rates,
            bare_rate=bare_rate,
            ratios={name: rates["this_project"] / rate for name, rate in (rates | {"bare_loops": bare_rate}).items()},
            pca_rows=pca_rows,
            pca_seconds=programs(pca, f"{pca_rows:,} x 1280, fit: "),
        )
    )


def document_of(file: Path) -> dict[str, Any]:
    """Read a file of `python -m benchmarks`."""
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise HandoverError(f"{file} can't be read: give the results.json of `python -m benchmarks`.") from error
    if not isinstance(document, dict) or not {"date", "size", "rounds", "machine", "benchmarks"} <= document.keys():
        raise HandoverError(f"{file} has no benchmarks: give the results.json of `python -m benchmarks`.")
    return document


def medians_in(documents: list[dict[str, Any]], name: str, files: str) -> tuple[dict[str, Any], Medians]:
    """Return the first document that has the figures of a benchmark, and these figures."""
    for document in documents:
        for benchmark in document["benchmarks"]:
            if benchmark["name"] == name and benchmark["error"] is None:
                return document, {figure["name"]: figure["median"] for figure in benchmark["figures"]}
    raise HandoverError(f"{files} lacks {name}: run `python -m benchmarks --only featurise pca`.")


def counts_in(featurise: Medians) -> set[int]:
    """Return the numbers of images of whole commands."""
    found = (re.match(r"([\d,]+) images, whole command: ", name) for name in featurise)
    return {int(match[1].replace(",", "")) for match in found if match}


def programs(medians: Medians, prefix: str) -> Medians:
    """Return the figures whose names begin with a text, by the program that the rest of the name is."""
    return {slug(name.removeprefix(prefix)): value for name, value in medians.items() if name.startswith(prefix)}


def slug(program: str) -> str:
    """Return a name that a template can use: `Ray Data` becomes `ray_data`.

    The benchmarks call this project `this project`, and that of the PCA calls it `this pipeline`.
    """
    if program == "this pipeline":
        return "this_project"
    return re.sub(r"\W+", "_", program.lower()).strip("_")


def bare_rate_of(featurise: Medians) -> float:
    """Return the images per second of all bare loops at once."""
    ((cores, each),) = (
        (int(match[1]), value)
        for name, value in featurise.items()
        if (match := re.fullmatch(r"bare loops at once \((\d+)\), each", name))
    )
    return cores * each
