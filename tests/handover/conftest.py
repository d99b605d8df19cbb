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


@pytest.fixture(scope="session")
def handed_in(tmp_path_factory: pytest.TempPathFactory, seeded: Weights, exported: ExportedModel) -> Path:
    """Return the folder of an archive in French, of drawn pictures, and of `LEFT`."""
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
                [sys.executable, "-m", "handover.deliverables", *words],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
                check=True,
            )
            (folder / LEFT).write_text("\n".join(path.name for path in temporary.iterdir()))

    return made_once(tmp_path_factory, "deliverables", make)
