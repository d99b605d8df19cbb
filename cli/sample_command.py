"""`fruits sample`: draws a small set of fruit pictures, so that the pipeline can be tried without photos."""

import argparse

from cli.subcommands import Subcommands, add_subcommand
from spark_app.options import count, path

VIEWS = 25
"""Default number of pictures of each variety."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits sample`."""
    parser = add_subcommand(
        subcommands,
        "sample",
        "The files so far are complete; run the same command again for the rest.",
    )
    parser.add_argument("folder", type=path, metavar="FOLDER", help="folder for <variety>/<view>.jpg")
    parser.add_argument("--views", type=count, default=VIEWS, help="pictures of each of the 10 varieties [%(default)s]")
    parser.set_defaults(command=_sample)


def _sample(arguments: argparse.Namespace) -> int:
    from cli.sample import BROKEN, draw_sample

    images = draw_sample(arguments.folder, arguments.views)
    print(f"{images} pictures and {len(BROKEN)} broken files in {arguments.folder}")
    return 0
