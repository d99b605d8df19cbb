"""All benchmarks, one after the other: `make benchmark`, or `python -m benchmarks --size small`.

The program writes `results.md`, `results.json` and `results.svg` to `build/benchmark`, and prints the table. A
benchmark that fails does not stop the others; the program then ends with exit code 1. A target that was missed is
marked in the table, and does not change the exit code.
"""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from benchmarks.chart import chart_of
from benchmarks.corpus import base_images
from benchmarks.measurement import Benchmark, Setting, Size
from benchmarks.results import Outcome, Results

BENCHMARKS = (
    "featurise",
    "measures",
    "photos",
    "object_storage",
    "pca",
    "update",
    "upload",
    "listings",
    "curation",
    "explorer",
    "growth",
    "curation_growth",
)
"""The modules of this package with a function `measure`, in the order in which they run."""

ONLY_ALONE = frozenset({"growth", "curation_growth"})
"""Benchmarks that take too long to be a part of the full size. `--only` runs them."""

ROUNDS = {Size.SMALL: 1, Size.FULL: 3}

FOLDER = Path("build/benchmark")


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=Size, default=Size.FULL, choices=list(Size), help="[%(default)s]")
    parser.add_argument("--images", type=Path, help="folder of small JPEG files; without it, pictures are drawn")
    parser.add_argument("--weights", default="seeded", help="as of `fruits run` [%(default)s]")
    parser.add_argument("--rounds", type=int, help="values of each figure [1 for small, 3 for full]")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of the results [%(default)s]")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return the exit code."""
    parser = argument_parser()
    arguments = parser.parse_args(words)
    rounds = arguments.rounds or ROUNDS[arguments.size]
    names = arguments.only or chosen(arguments.size)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        images = arguments.images or base_images(Path(folder) / "images")
        if not any(images.rglob("*.jpg")):
            parser.error(f"there are no .jpg files in {images}")
        setting = Setting(arguments.size, images.resolve(), arguments.weights, Path(folder), rounds)
        results = Results.begun(setting, "given" if arguments.images else images.name)
        for name in names:
            results = results.with_outcome(outcome_of(name, setting))
            write(results, arguments.output)  # after each benchmark, so that an interruption loses little
    print(results.to_markdown())
    print(f"Written to {arguments.output}: results.md, results.json, results.svg", file=sys.stderr)
    return 1 if results.failed else 0


def chosen(size: Size) -> list[str]:
    """Return the benchmarks of a size."""
    return [name for name in BENCHMARKS if size is Size.SMALL or name not in ONLY_ALONE]


def outcome_of(name: str, setting: Setting) -> Outcome:
    """Run one benchmark in a folder of its own; an error becomes a part of the outcome."""
    print(f"--- {name}", file=sys.stderr)
    scratch = setting.scratch / name
    scratch.mkdir()
    start = time.perf_counter()
    try:
        measure: Benchmark = import_module(f"benchmarks.{name}").measure
        section, error = measure(replace(setting, scratch=scratch)), None
    except (Exception, SystemExit) as raised:  # noqa: BLE001 -- the other benchmarks go on
        traceback.print_exc()
        section, error = None, f"{type(raised).__name__}: {raised}"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(name, time.perf_counter() - start, section, error)


def write(results: Results, folder: Path) -> None:
    """Write the three files of the results."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(results.to_markdown())
    (folder / "results.json").write_text(results.to_json())
    (folder / "results.svg").write_text(chart_of(results))


if __name__ == "__main__":
    sys.exit(main())
