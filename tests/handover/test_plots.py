"""Tests of handover/plots.py and of the figures of the presentation, which it draws."""

import csv
import json
import re
from pathlib import Path

import pytest

from handover.errors import HandoverError
from handover.plots import FOLDER, OF_FIGURES, draw_all, main
from handover.templates import Language, figures

NAMES = (*OF_FIGURES, "scree", "scatter")


def test_every_figure_exists_in_both_languages() -> None:
    """The folder contains the figures of the command, and no other file."""
    assert {file.name for file in FOLDER.iterdir()} == {f"{name}.{lang}.svg" for name in NAMES for lang in Language}


def test_the_figures_of_figures_are_up_to_date(tmp_path: Path) -> None:
    """A change of costs or of the benchmark needs `python -m handover.plots`, which draws the same file each time."""
    for file in draw_all(tmp_path):
        assert file.read_text() == (FOLDER / file.name).read_text(), file.name


def test_the_figures_of_the_run_are_those_of_its_figures() -> None:
    """The committed scree names the components, and the scatter has a point per row, of the recorded run."""
    run = figures()["run"]
    for language in Language:
        scree = (FOLDER / f"scree.{language}.svg").read_text()
        for count in (run["components_80"], run["components_90"], run["components"]):
            assert re.search(rf": {count}</text>", scree)
        scatter = (FOLDER / f"scatter.{language}.svg").read_text()
        clipped = re.findall(r'<g clip-path="[^"]*">(.*?)</g>', scatter, re.DOTALL)
        points = sum(group.count("<use ") for group in clipped)  # those of the legend are not clipped
        assert points == run["rows"]


def test_no_letter_is_smaller_than_18_points() -> None:
    """A slide of 1280 pixels is 960 pt wide, so that 24 pixels are 18 pt; letters are text, and no outlines."""
    for file in FOLDER.iterdir():
        svg = file.read_text()
        sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)]
        assert sizes, f"{file.name} contains text"
        assert min(sizes) >= 24, file.name
        assert "<style" not in svg, "a style would hold for the whole page"


def test_a_figure_shows_the_run_that_it_is_given(tmp_path: Path) -> None:
    """The scree of ten equal variances needs 8, 9 and 10 components for 80, 90 and 95 % of the variance."""
    results = tmp_path / "output" / "results" / "20260101T000000Z-abcdef"
    results.mkdir(parents=True)
    latest = {"run_id": results.name, "results": f"results/{results.name}/", "finished_at": "2026-01-01T00:00:00+00:00"}
    (results.parent / "latest.json").write_text(json.dumps(latest))
    _write(results / "explained_variance.csv", [{"ratio": 0.1, "cumulative": (k + 1) / 10} for k in range(10)])
    _write(results / "pca.csv", [{"label": "Plum", "pc_1": k, "pc_2": -k} for k in range(7)])
    draw_all(tmp_path / "figures", tmp_path / "output")
    scree = (tmp_path / "figures" / "scree.en.svg").read_text()
    assert [f"{share}%: {count}</text>" in scree for share, count in ((80, 8), (90, 9), (95, 10))] == [True] * 3


def _write(file: Path, rows: list[dict[str, object]]) -> None:
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_an_output_without_results_is_refused(tmp_path: Path) -> None:
    """The figures of a run need a run."""
    with pytest.raises(HandoverError, match="run the pipeline first"):
        draw_all(tmp_path / "figures", tmp_path)


def test_a_folder_that_can_not_be_made_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in the way of the folder ends with exit code 2 and the name of the folder."""
    (tmp_path / "file").touch()
    assert main(["--folder", str(tmp_path / "file" / "figures")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"plots: Can't write {tmp_path / 'file' / 'figures'}: ")
