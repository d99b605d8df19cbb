"""Tests of the commands in the README that need a deployed stack."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests.rehearsal.cloud import Cloud

CLOUD = [
    ".venv/bin/fruits upload ~/fruits --env dev",
    ".venv/bin/fruits status --env dev",
    ".venv/bin/fruits results --env dev",
]
"""The commands, in the order of the README."""


def test_the_commands_for_the_cloud_do_what_the_readme_says(
    cloud: Cloud, pictures: Callable[..., dict[str, bytes]], tmp_path: Path
) -> None:
    """A folder is uploaded and processed; the state says so; the results contain its images."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for name, body in pictures("readme", 3).items():
        path = tmp_path / "home/fruits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    upload, status, results = CLOUD
    assert "3" in _call(upload, cloud, tmp_path)
    cloud.settle()
    assert cloud.troubles() == []
    assert cloud.record().run_id in _call(status, cloud, tmp_path)
    _call(results, cloud, tmp_path)
    (matrix,) = tmp_path.rglob("pca.csv")
    assert set(pictures("readme", 3)) <= set(pd.read_csv(matrix)["key"])


def _call(command: str, cloud: Cloud, folder: Path) -> str:
    """Run a command by a shell, in a folder with an environment `.venv`, with the credentials of the local AWS."""
    answer = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=os.environ
        | {"HOME": str(folder / "home"), "AWS_ENDPOINT_URL": cloud.host.endpoint}
        | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, ""), answer
    return answer.stdout
