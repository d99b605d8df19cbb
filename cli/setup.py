"""`fruits setup`: prepares what runs on this machine need, and pip does not install."""

import argparse
import os
import sys

from cli.subcommands import Subcommands, add_subcommand
from spark_app.errors import InstallationError


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits setup`."""
    parser = add_subcommand(
        subcommands,
        "setup",
        "Run the same command again for the rest.",
    )
    parser.set_defaults(command=_setup)


def _setup(_arguments: argparse.Namespace) -> int:
    from localspark.class_archive import make_archive
    from localspark.jars import Jars, fetched
    from localspark.java import find_java
    from localspark.spark_home import make_spark_home

    java = find_java(os.environ)
    fetched(Jars.ICEBERG_RUNTIME)
    make_spark_home()
    try:
        make_archive(java)
    except InstallationError as error:
        print(f"fruits: {error} Runs work without it, but start 2 s later.", file=sys.stderr)
    return 0
