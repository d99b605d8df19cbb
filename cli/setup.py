"""`fruits setup`: fetch and make what pip can't, once."""

import argparse
import os
import sys

from cli.class_archive import make_archive
from cli.jars import Jar, fetched
from cli.java import find_java
from cli.spark_home import make_spark_home
from spark_app.errors import InstallationError


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits setup`."""
    parser = subcommands.add_parser("setup", help="prepare Spark for runs on this machine (`make` does it)")
    parser.add_argument("--jar", type=Jar, choices=list(Jar), help="only fetch this jar, and print where it lies")
    parser.set_defaults(command=_setup)


def _setup(arguments: argparse.Namespace) -> int:
    if arguments.jar:
        print(fetched(arguments.jar))
        return 0
    java = find_java(os.environ)
    fetched(Jar.RUNTIME)
    make_spark_home()
    try:
        make_archive(java)
    except InstallationError as error:
        print(f"fruits: {error} Runs start 2 s later than they could.", file=sys.stderr)
    return 0
