"""Tests of what the commands of handover/ have in common: how they end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handover.errors import FailedError, HandoverError
from handover.mains import run_main
from spark_app.errors import FruitsError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("error", "code"), [(HandoverError("Give a folder."), 2), (FailedError("It failed."), 1)])
def test_a_mistake_is_2_and_a_failure_is_1(error: FruitsError, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A script that calls a command can tell its own mistake from a failure of a program, and both are one sentence."""

    def work() -> int:
        raise error

    assert run_main("slides", work) == code
    assert capsys.readouterr().err == f"slides: {error}\n"


@pytest.mark.parametrize(
    ("module", "works", "name", "words"),
    [
        ("notebook.__main__", "execute", "handover.notebook", ["execute"]),
        ("slides", "build", "slides", []),
        ("figures.__main__", "write_section", "figures", ["settings"]),
        ("plots", "draw_all", "plots", []),
        ("site.__main__", "assemble", "site", []),
        ("diagrams.__main__", "synthesised_template", "diagrams", []),
        ("pages", "written_pages", "pages", []),
        ("deliverables.__main__", "make", "deliverables", ["--name", "Dupont Jean"]),
    ],
)
def test_ctrl_c_is_one_sentence_and_130(module: str, works: str, name: str, words: list[str]) -> None:
    """Every command ends after Ctrl-C without a traceback, as `fruits` does."""
    program = f"""
import os, signal, sys
import handover.{module} as command
def work(*_, **__):
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
command.{works} = work
sys.exit(command.main({words}))
"""
    done = _python("-c", program)
    assert done.returncode == 130
    [line] = done.stderr.strip().splitlines()
    assert line.startswith(f"{name}: interrupted.")


@pytest.mark.parametrize(
    "module", ["notebook", "slides", "figures", "plots", "site", "diagrams", "pages", "deliverables"]
)
def test_a_word_that_a_command_does_not_know_is_refused(module: str) -> None:
    """Every command refuses it, does nothing, and names a command for help that can be typed."""
    done = _python("-m", f"handover.{module}", "--nonsense")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"`python -m handover.{module} --help`" in line


def test_ctrl_c_in_a_cell_is_one_sentence_and_130(tmp_path: Path) -> None:
    """The cell that runs ends, too, what it has printed so far is kept, and what the kernel prints is in its log."""
    text = tmp_path / "text.py"
    text.write_text(
        "# %% tags=['parameters']\nimport os, signal, time\n"
        "# %%\nprint('computing', flush=True)\nos.write(2, b'noise of the kernel')\n"
        "os.kill(os.getppid(), signal.SIGINT)\ntime.sleep(600)\n"
    )
    program = f"""
import pathlib, sys
import handover.notebook.making as making
from handover.notebook.__main__ import main
making.SOURCE = pathlib.Path({str(text)!r})
sys.exit(main(["execute", "--folder", {str(tmp_path)!r}]))
"""
    done = _python("-c", program)
    assert (done.returncode, done.stderr.strip()) == (130, "handover.notebook: interrupted.")
    assert "computing" in (tmp_path / "fruits-local-fr.ipynb").read_text()


def _python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
