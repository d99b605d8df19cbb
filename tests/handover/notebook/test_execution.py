"""Tests of the execution of the notebook: it runs from the first cell to the last."""

import re
from pathlib import Path

import pytest

from cli.sample import BROKEN
from handover.notebook.images import DRAWN_VIEWS
from tests.handover.conftest import EXECUTED
from tests.handover.notebooks import Executed, command

PICTURES = 10 * DRAWN_VIEWS
FIGURES = 9
"""Counts, grid, preprocessing, broadcast, rates, scree, plane, space, and timings."""


@pytest.fixture
def in_french(handed_in: Path) -> Executed:
    """Return the notebook of the deliverables, which was executed in French, on this machine, on drawn pictures."""
    folder = handed_in / EXECUTED
    return Executed(folder / "fruits-local-fr.ipynb", folder / "fruits-local-fr.html")


def test_the_notebook_runs_to_its_end_without_noise(in_french: Executed) -> None:
    """Every cell of code is executed; none fails, and none prints a warning."""
    assert in_french.noise == ""
    assert all(cell.execution_count for cell in in_french.cells)
    assert in_french.figures == FIGURES
    assert in_french.page.read_text().count('src="data:image/png;base64') == in_french.figures


def test_the_notebook_loses_no_image(in_french: Executed) -> None:
    """The didactic UDF, mapInArrow and the product give a row or a refusal for each of the images."""
    sentence = f"{PICTURES + len(BROKEN)} images = {PICTURES} lignes + {len(BROKEN)} fichiers refusés"
    assert in_french.said.count(sentence) == 3
    assert "binaryFile de Spark en aurait omis 1" in in_french.said


def test_the_ways_to_compute_agree(in_french: Executed) -> None:
    """Features of three UDFs and of the product differ by rounding only; so do the coordinates of three PCAs."""
    found = re.findall(r"écart entre les caractéristiques de .*: (\S+)\.", in_french.said)
    assert len(found) == 3
    assert all(float(difference) < 1e-3 for difference in found)
    assert "Relue\N{NO-BREAK SPACE}: même SHA-256" in in_french.said
    assert "1 calculée" in in_french.said


def test_the_notebook_cleans_up(in_french: Executed) -> None:
    """Neither temporary files nor the copy of the matrix are left, but the results of the product are."""
    [output] = in_french.notebook.parent.glob("output-*")
    assert not (output / "scratch").exists()
    assert list((output / "objects").iterdir()) == []
    assert len(list(output.glob("pipeline/results/*/report.html"))) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--images", "missing"], "There is no folder missing"),
        (["--most-images", "0"], "--most-images must be at least 1"),
        (["--endpoint-url", "http://127.0.0.1:1"], "--endpoint-url is for --where rehearsal only"),
    ],
)
def test_a_mistake_is_one_sentence(options: list[str], sentence: str, tmp_path: Path) -> None:
    """A mistake in the options ends with exit code 2, and starts no kernel."""
    done = command("execute", "--folder", tmp_path / "executed", *options)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert sentence in done.stderr
    assert not (tmp_path / "executed").exists()


def test_a_cell_that_fails_is_one_sentence(tmp_path: Path) -> None:
    """The command quotes the error of the cell, ends with exit code 1, and keeps the notebook that shows it."""
    done = command("execute", "--folder", tmp_path, "--where", "rehearsal", "--endpoint-url", "no URL")
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("handover.notebook:")]
    assert "--endpoint-url must be a URL" in line
    assert "Traceback" not in done.stderr
    assert (tmp_path / "fruits-rehearsal-fr.ipynb").is_file()
