"""Executes the notebook as its user does, with a command, and reads the result."""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat

from spark_app.engine.model import ExportedModel, write_model
from spark_app.engine.weights import Weights
from spark_app.storage import Storage

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Executed:
    """An executed notebook, and the page of it."""

    notebook: Path
    page: Path

    @cached_property
    def cells(self) -> list[Any]:
        """The cells of code, with their outputs."""
        return [cell for cell in nbformat.read(self.notebook, as_version=4).cells if cell.cell_type == "code"]

    @property
    def outputs(self) -> list[Any]:
        """The outputs of all cells, in their order."""
        return [output for cell in self.cells for output in cell.outputs]

    @property
    def said(self) -> str:
        """Everything that the cells printed to stdout."""
        return "".join(output.text for output in self.outputs if output.get("name") == "stdout")

    @property
    def noise(self) -> str:
        """Everything that the cells printed to stderr, and errors."""
        streams = "".join(output.text for output in self.outputs if output.get("name") == "stderr")
        return streams + "".join(output.evalue for output in self.outputs if output.output_type == "error")

    @property
    def figures(self) -> int:
        """Number of pictures that the cells show."""
        return sum("image/png" in output.get("data", {}) for output in self.outputs)


def command(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m handover.notebook`."""
    return subprocess.run(
        [sys.executable, "-m", "handover.notebook", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def executed(folder: Path, *options: str | Path) -> Executed:
    """Execute the notebook, which must succeed; `folder` receives the files."""
    done = command("execute", "--folder", folder, *options)
    assert done.returncode == 0, done.stderr
    [notebook], [page] = folder.glob("*.ipynb"), folder.glob("*.html")
    return Executed(notebook, page)


def save_exported(folder: Path, weights: Weights, exported: ExportedModel) -> Path:
    """Write an exported model, which `fruits run` and the notebook take for weights."""
    root = Storage(folder.as_uri())
    root.create()
    write_model(root, "", weights, exported)
    return folder
