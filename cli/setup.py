"""`fruits setup`: prepares what runs on this machine need, and pip does not install."""

import argparse
import os
import sys

from cli.subcommands import Subcommands, add_subcommand
from spark_app.errors import InstallationError
from spark_app.place import OTHER_STORES


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits setup`."""
    parser = add_subcommand(
        subcommands,
        "setup",
        "Run the same command again for the rest.",
    )
    parser.add_argument(
        "--store",
        action="append",
        default=[],
        choices=OTHER_STORES,
        help="also download Spark's connector to gs:// or az://; otherwise, the first run that needs it does",
    )
    parser.set_defaults(command=_setup)


def _setup(arguments: argparse.Namespace) -> int:
    from localspark.class_archive import make_archive
    from localspark.connectors import connector_jars
    from localspark.jars import Jars, fetched
    from localspark.java import find_java
    from localspark.spark_home import make_spark_home

    java = find_java(os.environ)
    fetched(Jars.ICEBERG_RUNTIME)
    make_spark_home()
    for store in arguments.store:
        connector_jars(store, print)
    try:
        make_archive(java)
    except InstallationError as error:
        print(f"fruits: {error} Runs work without it, but start 2 s later.", file=sys.stderr)
    return 0
