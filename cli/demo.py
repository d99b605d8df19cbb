"""`fruits demo`: the whole pipeline on drawn pictures, on this machine."""

import argparse
from dataclasses import replace
from pathlib import Path

from cli.run import RESUMABLE, add_master, check_here, run_here
from cli.sample_command import VIEWS
from cli.subcommands import Subcommands, add_subcommand
from spark_app.arguments import add_tuning_arguments, settings_from
from spark_app.errors import WeightsUnavailableError
from spark_app.options import path


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits demo`."""
    parser = add_subcommand(subcommands, "demo", RESUMABLE)
    parser.add_argument(
        "folder",
        type=path,
        nargs="?",
        default=Path("demo"),
        metavar="FOLDER",
        help="folder for the pictures and the output [%(default)s]",
    )
    add_tuning_arguments(parser)
    add_master(parser)
    parser.set_defaults(command=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    images = arguments.folder / "images"
    arguments.images, arguments.output = str(images), str(arguments.folder / "output")
    settings = settings_from(arguments)
    check_here(settings)

    from cli.sample import BROKEN, draw_sample
    from spark_app.engine.provision import resolve_weights

    count = draw_sample(images, VIEWS)
    print(f"{count} drawn pictures and {len(BROKEN)} broken files in {images}")
    print("Looking for the weights (Keras downloads those of ImageNet once, 9 MB) ...", flush=True)
    try:
        resolve_weights(settings.weights)
    except WeightsUnavailableError:
        # A demo must work without a network. This is the only fallback of the command; it appears in every result.
        notice = "The ImageNet weights can't be downloaded here: this demo runs on seeded weights instead."
        settings = replace(settings, weights="seeded", notices=(notice,))
    return run_here(settings, arguments.master)
