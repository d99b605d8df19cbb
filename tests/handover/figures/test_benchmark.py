"""Tests of handover/figures/benchmark.py, with results as the benchmarks write them."""

from pathlib import Path

import pytest

from benchmarks import featurise, pca_subjects
from benchmarks.measurement import Figure, Section, Setting, Size
from benchmarks.results import Outcome, Results
from handover.errors import HandoverError
from handover.figures.benchmark import benchmark_figures

FEATURISE = {
    f"{featurise.AT_ONCE} (2), each": (100.0,),
    f"200 images, whole command: {featurise.OURS}": (9.0, 11.0, 10.0),
    "200 images, whole command: classic notebook": (60.0,),
    "1,000 images, whole command: this project": (20.0,),
    "1,000 images, whole command: Ray Data": (40.0,),
    f"1,000 images, {featurise.RATE}: {featurise.OURS}": (190.0,),
    f"1,000 images, {featurise.RATE}: {featurise.RAY}": (95.0,),
    "1,000 images, middle: this project": (999.0,),
}
PCA = {f"5,000 x 1280, fit: {pca_subjects.OURS}": (2.0,), "5,000 x 1280, fit: MLlib": (8.0,)}


def results(folder: Path, **sections: dict[str, tuple[float, ...]]) -> Path:
    """Write the results of benchmarks whose figures have these values."""
    setting = Setting(Size.SMALL, folder, "seeded", folder, 3)
    written = Results.begun(setting, "drawn")
    for name, medians in sections.items():
        figures = tuple(Figure(what, "s", values) for what, values in medians.items())
        written = written.with_outcome(Outcome(name, 1.0, Section(name, figures)))
    file = folder / "results.json"
    file.write_text(written.to_json())
    return file


def test_the_figures_are_medians_by_program(tmp_path: Path) -> None:
    """Each figure is the median of its rounds, and a ratio above 1 means that this project is faster."""
    found = benchmark_figures(results(tmp_path, featurise=FEATURISE, pca=PCA))
    assert (found["few"], found["many"], found["bare_rate"]) == (200, 1_000, 200)
    assert found["seconds_few"] == {"this_project": 10, "classic_notebook": 60}
    assert found["seconds_many"] == {"this_project": 20, "ray_data": 40}
    assert found["rates"] == {"this_project": 190, "ray_data": 95}
    assert found["ratios"] == pytest.approx({"this_project": 1, "ray_data": 2, "bare_loops": 0.95})
    assert (found["pca_rows"], found["pca_seconds"]) == (5_000, {"this_project": 2, "mllib": 8})
    assert {"date", "size", "rounds"} <= found.keys()
    assert {"load", "cores"} <= found["machine"].keys(), "a reader sees whether the machine was busy"


def test_each_benchmark_comes_from_the_first_file_that_has_it(tmp_path: Path) -> None:
    """A benchmark that was run again alone replaces the earlier one, and the circumstances are those of the rates."""
    whole = results(tmp_path, featurise=FEATURISE, pca=PCA).rename(tmp_path / "whole.json")
    again = results(tmp_path, pca={name: tuple(2 * value for value in values) for name, values in PCA.items()})
    one, both = benchmark_figures(whole), benchmark_figures(again, whole)
    assert both == one | {"pca_seconds": {name: 2 * value for name, value in one["pca_seconds"].items()}}


def test_a_missing_benchmark_is_named(tmp_path: Path) -> None:
    """Results without `pca` are refused with the command that makes both."""
    with pytest.raises(HandoverError, match="lacks pca: run `python -m benchmarks --only featurise pca`"):
        benchmark_figures(results(tmp_path, featurise=FEATURISE))
