"""`fruits setup`: fetch and make what pip can't, once."""

import argparse
import os
import sys

from localspark.class_archive import make_archive
from localspark.jars import Jars, fetched
from localspark.java import find_java
from localspark.spark_home import make_spark_home
from spark_app.errors import InstallationError


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits setup`."""
    parser = subcommands.add_parser("setup", help="prepare Spark for runs on this machine (`make` does it)")
    parser.set_defaults(command=_setup)


def _setup(_arguments: argparse.Namespace) -> int:
    java = find_java(os.environ)
    fetched(Jars.ICEBERG_RUNTIME)
    make_spark_home()
    try:
        make_archive(java)
    except InstallationError as error:
        print(f"fruits: {error} Runs start 2 s later than they could.", file=sys.stderr)
    return 0
