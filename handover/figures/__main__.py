"""`python -m handover.figures SECTION ...` writes a section of docs/figures.json, and leaves the others.

All figures of the documents come from this file. Each section says when and where its figures were measured.
"""

import argparse
import sys
from collections.abc import Sequence

from handover.figures.sections import SECTIONS, sections_in, write_section
from handover.mains import run_main
from handover.templates import FIGURES
from spark_app.options import Parser, path


def main(words: Sequence[str] | None = None) -> int:
    """Write a section; a mistake is one sentence and exit code 2, a failure one and 1, an interruption one and 130."""
    arguments = argument_parser().parse_args(words)
    return run_main("figures", lambda: _write(arguments), "No figure has changed.")


def _write(arguments: argparse.Namespace) -> int:
    sections_in(arguments.file)  # a run takes minutes, so a mistake must be found before it
    write_section(arguments.section, SECTIONS[arguments.section](arguments), arguments.file)
    print(f"Written to {arguments.file}: {arguments.section}")
    return 0


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = Parser(prog="python -m handover.figures", description="Write a section of docs/figures.json.")
    parser.add_argument("--file", type=path, default=FIGURES, help="file of the figures [docs/figures.json]")
    sections = parser.add_subparsers(dest="section", required=True, metavar="SECTION")
    sections.add_parser("costs", help="amounts that `cdk.costs` computes")
    sections.add_parser("settings", help="settings of prod, and limits of runs")
    run = sections.add_parser("run", help="run the pipeline on real images")
    run.add_argument("--images", type=path, required=True, help="folder of images, one folder per variety")
    run.add_argument("--weights", default="imagenet", help="as for `fruits run` [%(default)s]")
    run.add_argument("--output", type=path, help="keep the output here, for `python -m handover.plots`")
    benchmark = sections.add_parser("benchmark", help="medians of `python -m benchmarks`")
    benchmark.add_argument("results", type=path, nargs="+", help="its results.json; the first of several counts")
    sections.add_parser("rehearsal", help="rehearse the cloud on this machine")
    return parser


if __name__ == "__main__":
    sys.exit(main())
