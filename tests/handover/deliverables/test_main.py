"""Tests of `make deliverables`: of its mistakes, and of a whole archive of drawn pictures."""

import csv
import getpass
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import nbformat
import pytest

from handover.deliverables.__main__ import main
from tests.handover.conftest import LEFT

ROOT = Path(__file__).parents[3]

BY_PARSER = ("--language: invalid", "unrecognized arguments")
"""Beginnings of the sentences of the parser."""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "NAME must be family name and first name"),
        (["--name", "Dupont Jean", "--date", "13"], "DATE must be month and year"),
        (["--name", "Dupont Jean", "--images", "missing"], "There is no folder missing"),
        (["--name", "Dupont Jean", "--env", "nowhere"], "There is no environment 'nowhere'"),
        (["--name", "Dupont Jean", "--endpoint-url", "http://127.0.0.1:1"], "--endpoint-url is for an environment"),
        (["--name", "Dupont Jean", "--language", "de"], "--language: invalid choice"),
        (["--name", "Dupont Jean", "--check", "--folder", "/dev/null/made"], "Can't write /dev/null/made"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_a_mistake_is_one_sentence_and_2(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is made, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    try:
        code = main(words)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    # The parser names the command as it is typed.
    command = "python -m handover.deliverables" if sentence.startswith(BY_PARSER) else "deliverables"
    assert re.fullmatch(rf"{re.escape(command)}: .*{re.escape(sentence)}.*\.\n", err)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM during the work ends the command with one sentence and 130, and removes what it has made so far."""
    program = """
import os, signal, sys
import handover.deliverables.__main__ as command
import handover.deliverables.making as made
def presentation(request, folder):
    folder.mkdir()
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
made._presentation = presentation
sys.exit(command.main(["--name", "Dupont Jean", "--folder", sys.argv[1]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "made")],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (130, "deliverables: interrupted. There is no new archive.")
    assert list(tmp_path.iterdir()) == []


def test_make_passes_on_what_the_user_types_and_nothing_else() -> None:
    """The environment of a machine may have a NAME of its own, and ENV has a default: neither counts.

    A shell reads the command of make, so no value may end its word, or make the shell run something.
    """
    program = [
        "make",
        "--no-print-directory",
        "--dry-run",
        "--assume-old=.venv/ready",
        "PYTHON=python3",
        "deliverables",
    ]

    def commands(*variables: str) -> list[str]:
        environment = os.environ | {"NAME": "MACHINE", "IMAGES": "/machine"}
        done = subprocess.run(
            [*program, *variables], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        return shlex.split(done.stdout.splitlines()[-1])

    assert commands()[-1] == "handover.deliverables"
    typed = commands("NAME=D'Arc Jeanne", "DATE=112026", "ENV=dev", "IMAGES=a b", "WEIGHTS=imagenet")
    assert shlex.join(typed).endswith(
        """ --name 'D'"'"'Arc Jeanne' --date 112026 --images 'a b' --weights imagenet --env dev"""
    )
    for name in ("O`Neil Ann", "$(id -u) x", "$$HOME x", 'a" ; echo harm; "', "it's ' \\"):
        assert commands(f"NAME={name}")[-2:] == ["--name", name]


@pytest.mark.slow
def test_an_archive_of_drawn_pictures_is_complete(handed_in: Path) -> None:
    """Notebook, images, matrix and presentation open, fit each other, and say that nothing of it is real."""
    [path] = handed_in.glob("*.zip")
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {PurePosixPath(name).parts[0] for name in names} == {
            "Dupont_Jean_1_notebook_112026.ipynb",
            "Dupont_Jean_1_notebook_112026.html",
            "Dupont_Jean_2_images_112026",
            "Dupont_Jean_3_presentation_112026.pdf",
        }
        notebook = nbformat.reads(archive.read("Dupont_Jean_1_notebook_112026.ipynb").decode(), as_version=4)
        nbformat.validate(notebook)
        assert any(cell.get("outputs") for cell in notebook.cells)
        assert archive.read("Dupont_Jean_3_presentation_112026.pdf").startswith(b"%PDF-")
        folder = "Dupont_Jean_2_images_112026"
        text = archive.read(f"{folder}/LISEZMOI.txt").decode()
        assert "DESSINÉES" in text
        assert "PAS ENTRAÎNÉS" in text
        rows = list(csv.reader(io.StringIO(archive.read(f"{folder}/results/pca.csv").decode())))
        counts = json.loads(archive.read(f"{folder}/results/summary.json"))["counts"]
        assert len(rows) - 1 == counts["images"] == 120
        assert f"{folder}/results/report.html" in names
        assert {name.split("/")[2] for name in names if name.startswith(f"{folder}/images/")} > {"Plum", "Orange"}


@pytest.mark.slow
def test_an_archive_leaves_no_temporary_files(handed_in: Path) -> None:
    """Neither the notebook nor the presentation leaves a file; the run leaves its log."""
    assert (handed_in / LEFT).read_text() == f"fruits-{getpass.getuser()}"
