"""`python -m handover.figures SECTION ...` writes a section of docs/figures.json, and leaves the others.

All figures of the documents come from this file. Each section says when and where its figures were measured.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cli.written_files import check_new_file, complete
from handover.mains import run_main
from handover.templates import FIGURES, figures
from spark_app.options import Parser, path

Section = Callable[[argparse.Namespace], dict[str, Any]]


def main(words: Sequence[str] | None = None) -> int:
    """Write a section; a mistake is one sentence and exit code 2, a failure one and 1, an interruption one and 130."""
    arguments = argument_parser().parse_args(words)
    return run_main("figures", lambda: _write(arguments), "No figure has changed.")


def _write(arguments: argparse.Namespace) -> int:
    _sections_in(arguments.file)  # a run takes minutes, so a mistake must be found before it
    write_section(arguments.section, SECTIONS[arguments.section](arguments), arguments.file)
    print(f"Written to {arguments.file}: {arguments.section}")
    return 0


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = Parser(prog="handover.figures", description=__doc__.partition("\n")[0])
    parser.add_argument("--file", type=path, default=FIGURES, help="file of the figures [docs/figures.json]")
    sections = parser.add_subparsers(dest="section", required=True, metavar="SECTION")
    sections.add_parser("costs", help="amounts that `cdk.costs` computes")
    sections.add_parser("settings", help="settings of prod, and limits of runs")
    run = sections.add_parser("run", help="run the pipeline on real images")
    run.add_argument("--images", type=path, required=True, help="folder of images, one folder per variety")
    run.add_argument("--weights", default="imagenet", help="as of `fruits run` [%(default)s]")
    run.add_argument("--output", type=path, help="keep the output here, for `python -m handover.plots`")
    benchmark = sections.add_parser("benchmark", help="medians of `python -m benchmarks`")
    benchmark.add_argument("results", type=path, nargs="+", help="its results.json; the first of several counts")
    sections.add_parser("rehearsal", help="rehearse the cloud on this machine")
    return parser


def write_section(name: str, section: dict[str, Any], file: Path = FIGURES) -> None:
    """Replace one section of the figures, in the order of `SECTIONS`.

    Raises
    ------
    HandoverError
        If the file contains something else than sections.
    OutputError
        If the file can't be written.
    """
    sections = _sections_in(file) | {name: section}
    ordered = {key: sections[key] for key in SECTIONS if key in sections}
    with complete(file) as partial:
        partial.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n")


def _sections_in(file: Path) -> dict[str, Any]:
    """Check that a file of figures can be written, and return the sections that it contains so far."""
    check_new_file(file, may_replace=True)
    return figures(file) if file.exists() else {}


def _costs(_: argparse.Namespace) -> dict[str, Any]:
    from handover.sections.costs import costs

    return costs()


def _settings(_: argparse.Namespace) -> dict[str, Any]:
    from handover.sections.settings import settings

    return settings()


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    from handover.sections.run import run_figures, run_pipeline

    with tempfile.TemporaryDirectory(prefix="fruits-figures-") as scratch:
        output = arguments.output or Path(scratch) / "output"
        run_pipeline(arguments.images, arguments.weights, output)
        return run_figures(output)


def _benchmark(arguments: argparse.Namespace) -> dict[str, Any]:
    from handover.sections.benchmark import benchmark_figures

    return benchmark_figures(*arguments.results)


def _rehearsal(_: argparse.Namespace) -> dict[str, Any]:
    from handover.sections.rehearsal import rehearse

    return rehearse()


SECTIONS: dict[str, Section] = {
    "run": _run,
    "costs": _costs,
    "settings": _settings,
    "benchmark": _benchmark,
    "rehearsal": _rehearsal,
}
"""Section → what makes it."""


if __name__ == "__main__":
    sys.exit(main())
