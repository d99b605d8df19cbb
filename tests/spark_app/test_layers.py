"""Tests of the direction of the imports within the application."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS = (
    {"errors", "scratch", "signals", "table_times", "pulse", "installed"},
    {"numerics", "keys", "npz", "lookahead", "local_files", "words", "failures", "listed"},
    {"settings", "options"},
    {"jvm", "place", "arguments", "google_storage", "azure_storage"},
    {"storage", "iceberg", "arrow"},
    {"progress", "csv_files", "basis_file", "session", "fence", "lease", "job_failure", "watchdog"},
    {"tables", "engine", "report", "curation"},
    {"explorer"},
    {"run"},
    {"stages", "output"},
    {"begin"},
    {"pipeline"},
    {"main", "local_run"},
)
"""Modules and packages of the application, from the lowest layer to the highest."""

LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}


def _imports(file: Path) -> Iterator[str]:
    """Find the modules of the application that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "spark_app":
            yield from (f"spark_app.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spark_app."):
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("spark_app."))


def _graph(root: Path) -> dict[str, set[str]]:
    """Return the imports of each module of the application."""
    files = (file for file in (root / "spark_app").rglob("*.py") if file.name != "__init__.py")
    return {".".join(file.relative_to(root).with_suffix("").parts): set(_imports(file)) for file in files}


def _upward(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Find the imports that do not go to a lower layer, except those within a package."""
    uses = [(module, used) for module, imported in graph.items() for used in imported]
    parts = [(module.split(".")[1], used.split(".")[1]) for module, used in uses]
    return [use for use, (user, used) in zip(uses, parts, strict=True) if user != used and LAYER[user] <= LAYER[used]]


def test_every_import_goes_to_a_lower_layer() -> None:
    """No module imports from its own layer or from a higher one, and no import closes a circle."""
    graph = _graph(ROOT)
    assert _upward(graph) == []
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("run.py", "from spark_app.stages.outcomes import Tally"),
        ("report/page.py", "import spark_app.stages.matrix"),
        ("session.py", "from spark_app import tables"),
        ("stages/basis.py", "def late():\n    from spark_app.pipeline import run"),
        ("tables.py", "from spark_app.engine.model import FILES"),
    ],
)
def test_a_planted_upward_import_is_found(module: str, line: str, tmp_path: Path) -> None:
    """The test above sees imports in any form and place."""
    file = tmp_path / "spark_app" / module
    file.parent.mkdir(parents=True)
    file.write_text(line)
    assert len(_upward(_graph(tmp_path))) == 1
