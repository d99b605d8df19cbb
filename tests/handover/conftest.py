"""The archive of the deliverables, which is made once: its notebook takes a minute or more."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cli.chromium import find_browser
from handover.folders import ROOT
from handover.slides import MARP
from spark_app.engine.model import ExportedModel
from spark_app.engine.weights import Weights
from tests.handover.notebooks import save_exported
from tests.made_once import made_once

LEFT = "left.txt"
"""File beside the archive: names of what was left in the folder of temporary files."""

EXECUTED = "executed"
"""Folder beside the archive: a copy of the folder in which the notebook was executed."""

PROGRAM = """
import shutil, sys
from handover.deliverables.__main__ import main
from handover.notebook import execution
execute = execution.execute
def execute_and_copy(request):
    files = execute(request)
    shutil.copytree(request.folder, sys.argv[1])
    return files
execution.execute = execute_and_copy
sys.exit(main(sys.argv[2:]))
"""
"""The command, which also leaves `EXECUTED`."""


@pytest.fixture(scope="session")
def handed_in(tmp_path_factory: pytest.TempPathFactory, seeded: Weights, exported: ExportedModel) -> Path:
    """Return the folder of an archive in French, of drawn pictures, of `LEFT`, and of `EXECUTED`."""
    if find_browser() is None or not MARP.exists():
        pytest.skip("the presentation needs Chromium and handover/node_modules")

    def make(folder: Path) -> None:
        model = save_exported(folder / "model", seeded, exported)
        words = ["--name", "Dupont Jean", "--date", "112026", "--folder", str(folder), "--weights", str(model)]
        # A short path, because Chromium makes a socket below it. A folder above the images of the notebook has the name
        # of theirs, as on a disk for data: /data/images/me.
        with tempfile.TemporaryDirectory(prefix="d") as short:
            (temporary := Path(short) / "images").mkdir()
            subprocess.run(
                [sys.executable, "-c", PROGRAM, str(folder / EXECUTED), *words],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
                check=True,
            )
            (folder / LEFT).write_text("\n".join(path.name for path in temporary.iterdir()))

    return made_once(tmp_path_factory, "deliverables", make)
