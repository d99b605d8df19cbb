"""Tests of the commands in the README: a stranger who copies them, in their order, gets what the README says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cli.sample import draw_sample
from spark_app.engine.weights import IMAGENET_FILE
from tests.rehearsal.test_readme_commands import CLOUD
from tests.test_readme import README, executed

ROOT = Path(__file__).parents[1]

LAPTOP = [
    ".venv/bin/fruits run --images ~/fruits --output ~/fruits-out",
    '.venv/bin/fruits notify --images ~/fruits --output ~/fruits-out "Apple Braeburn" Plum/gone.jpg',
    ".venv/bin/fruits run --images ~/fruits --output ~/fruits-out --mode update",
    ".venv/bin/fruits features --output ~/fruits-out features.npz",
]
"""Commands that one test runs, one after the other."""

MAKE = {
    "make demo": ".venv/bin/fruits demo",
    "make rehearse": ".venv/bin/fruits rehearse",
    "make test": ".venv/bin/pytest -n 3 --dist worksteal",
    "make synth ENV=dev": "cdk synth --quiet -c env='dev'",
    "make diff ENV=dev": "cdk diff -c env='dev'",
    "make deploy ENV=dev EMAIL=you@example.org": "cdk deploy -c env='dev'",
    "make destroy ENV=dev": "cdk destroy -c env='dev'",
}
"""Command with make → the command that it runs, which other tests run: those of the demo and of the rehearsal."""


def commands() -> list[str]:
    """Return the commands of the README, which are indented, without the comments behind them."""
    return re.findall(r"^    ((?:make|\.venv/bin/fruits) .*?)(?: +#.*)?$", README, re.MULTILINE)


def test_every_command_of_the_readme_is_run_by_a_test() -> None:
    """The README has no command that no test runs, and the tests run no command that it no longer has."""
    assert sorted(commands()) == sorted([*LAPTOP, *MAKE, *CLOUD])


@pytest.mark.parametrize("command", MAKE)
def test_a_target_of_make_runs_a_command_that_is_tested(command: str) -> None:
    """The targets that the README names exist, and run the commands that the tests of the demo and the cloud run."""
    _, *arguments = command.split()
    answer = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],  # noqa: S607 -- wherever make is installed
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert MAKE[command] in re.sub(r"\s+", " ", answer.stdout)


def test_the_commands_for_a_laptop_do_what_the_readme_says(
    tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder becomes a matrix; notices of a new and a deleted image change it; the features get a file."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    images = tmp_path / "home/fruits"
    draw_sample(images, 2)
    shutil.copy(images / "Plum/view 000.jpg", images / "Plum/gone.jpg")
    (weights,) = (real_data / "weights").glob("*.h5")
    (tmp_path / "home/.keras/models").mkdir(parents=True)
    (tmp_path / "home/.keras/models" / IMAGENET_FILE).symlink_to(weights)
    (tmp_path / ".venv").symlink_to(sys.prefix)

    run, notify, update, features = LAPTOP
    _call(run, tmp_path)
    before = set(executed("pd.read_csv")["matrix"]["key"])
    shutil.copy(images / "Plum/gone.jpg", images / "Apple Braeburn/new.jpg")
    (images / "Plum/gone.jpg").unlink()
    assert "1 gone" in _call(notify, tmp_path)
    _call(update, tmp_path)
    _call(features, tmp_path)
    with np.load(tmp_path / "features.npz") as arrays:
        after = set(arrays["keys"].tolist())
    assert (before - after, after - before) == ({"Plum/gone.jpg"}, {"Apple Braeburn/new.jpg"})


def _call(command: str, folder: Path) -> str:
    """Run a command by a shell, in a folder with an environment `.venv`, and return what it prints."""
    answer = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout
