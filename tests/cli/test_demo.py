"""Tests of `fruits demo` without a network. No other command falls back to other weights."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract.summary import Latest, Summary


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which no weights are cached and none can be downloaded."""
    nowhere = "http://127.0.0.1:9"
    return os.environ | {
        "KERAS_HOME": str(tmp_path / "keras"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere),
    }


def _fruits(*arguments: str | Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_an_offline_demo_runs_on_seeded_weights_and_says_so(offline: dict[str, str], output: Path) -> None:
    """An offline demo says so in the terminal, the summary and the report; its sample has 10 varieties of 25 views."""
    folder = output.parent / "demo"
    shutil.move(output, folder / "output")
    answer = _fruits("demo", folder, environment=offline)
    assert answer.returncode == 0, answer.stderr
    notice = "can't be downloaded here: this demo runs on seeded weights"
    assert notice in answer.stdout
    pointer = Latest.from_json((folder / "output/results/latest.json").read_bytes())
    results = folder / "output" / pointer.results
    summary = Summary.from_json((results / "summary.json").read_bytes())
    assert summary.weights.kind == "seeded"
    assert any(notice in note for note in summary.notes)
    assert notice in (results / "report.html").read_text().replace("&#39;", "'")
    assert (summary.counts.images, summary.counts.rejects) == (250, 7)


def test_no_other_command_falls_back(offline: dict[str, str], images: Path, tmp_path: Path) -> None:
    """A run with ImageNet weights gets them, or fails with an error that names the alternatives."""
    answer = _fruits("run", "--images", images, "--output", tmp_path / "out", environment=offline)
    assert answer.returncode == 2
    assert "--weights seeded" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
