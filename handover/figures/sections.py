"""The sections of docs/figures.json, and how one replaces itself in the file."""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.written_files import check_new_file, complete
from handover.templates import FIGURES, figures

Section = Callable[[argparse.Namespace], dict[str, Any]]
"""Function of the options of the command, which returns a section."""


def write_section(name: str, section: dict[str, Any], file: Path = FIGURES) -> None:
    """Replace one section of the figures, in the order of `SECTIONS`.

    Raises
    ------
    HandoverError
        If the file contains something else than sections.
    OutputError
        If the file can't be written.
    """
    sections = sections_in(file) | {name: section}
    ordered = {key: sections[key] for key in SECTIONS if key in sections}
    with complete(file) as partial:
        partial.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n")


def sections_in(file: Path) -> dict[str, Any]:
    """Check that a file of figures can be written, and return the sections that it contains so far."""
    check_new_file(file, may_replace=True)
    return figures(file) if file.exists() else {}


def _costs(_: argparse.Namespace) -> dict[str, Any]:
    from handover.figures.costs import costs

    return costs()


def _settings(_: argparse.Namespace) -> dict[str, Any]:
    from handover.figures.settings import settings

    return settings()


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    from handover.figures.run import run_figures, run_pipeline

    with tempfile.TemporaryDirectory(prefix="fruits-figures-") as scratch:
        output = arguments.output or Path(scratch) / "output"
        run_pipeline(arguments.images, arguments.weights, output)
        return run_figures(output)


def _benchmark(arguments: argparse.Namespace) -> dict[str, Any]:
    from handover.figures.benchmark import benchmark_figures

    return benchmark_figures(*arguments.results)


def _rehearsal(_: argparse.Namespace) -> dict[str, Any]:
    from handover.figures.rehearsal import rehearse

    return rehearse()


SECTIONS: dict[str, Section] = {
    "run": _run,
    "costs": _costs,
    "settings": _settings,
    "benchmark": _benchmark,
    "rehearsal": _rehearsal,
}
"""Section → the function that computes or measures it."""
