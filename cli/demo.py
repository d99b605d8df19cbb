"""`fruits demo`: the whole pipeline on drawn pictures, from nothing, on a laptop."""

import argparse
from dataclasses import replace
from pathlib import Path

from cli.run import add_master, run_here
from cli.sample import BROKEN, draw_sample
from spark_app.engine.provision import resolve_weights
from spark_app.errors import WeightsUnavailableError
from spark_app.main import add_tuning_arguments, settings_from

VIEWS = 25


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits demo`."""
    parser = subcommands.add_parser("demo", help="try it out: draw pictures, run the pipeline on them")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"), help="where to work [%(default)s]")
    add_tuning_arguments(parser)
    add_master(parser)
    parser.set_defaults(command=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    images = arguments.folder / "images"
    count = draw_sample(images, VIEWS)
    print(f"{count} drawn pictures and {len(BROKEN)} broken files in {images}")
    arguments.images, arguments.output = str(images), str(arguments.folder / "output")
    settings = settings_from(arguments)
    print("Looking for the weights (Keras downloads those of ImageNet once, 9 MB) ...", flush=True)
    try:
        resolve_weights(settings.weights)
    except WeightsUnavailableError:
        # The only fallback there is: a demo must work on a train, too.
        notice = "The ImageNet weights can't be downloaded here: this demo runs on seeded weights instead."
        settings = replace(settings, weights="seeded", notices=(notice,))
    return run_here(settings, arguments.master)
