"""`fruits rehearse`: the whole cloud on this machine, for nothing."""

import argparse
import os
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec

from cli.java import find_java
from spark_app.errors import InstallationError

COMMANDS = {
    "run": "deploy to a local AWS, upload pictures, watch, compare with a run on folders, destroy",
    "up": "deploy to a local AWS, and leave it there to play with",
    "down": "destroy that, and see that nothing is left",
    "status": "say whether it is there, and how to use it",
    "prepare": "fetch what only rehearsals need; `make` has done so",
}


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits rehearse`."""
    parser = subcommands.add_parser("rehearse", help="the whole cloud on this machine, without an account")
    commands = parser.add_subparsers(metavar="run|up|down|status|prepare")
    for name, sentence in COMMANDS.items():
        commands.add_parser(name, help=sentence).set_defaults(rehearsal=name)
    parser.set_defaults(command=_rehearse, rehearsal="run")


def _rehearse(arguments: argparse.Namespace) -> int:
    """Hand over to the rehearsal: a program of its own, on which nothing else depends."""
    if find_spec("moto") is None:
        raise InstallationError("The rehearsal needs the packages of requirements.txt: run `make .venv/ready`.")
    environment = {**os.environ, "JAVA_HOME": str(find_java(os.environ))}
    with subprocess.Popen([sys.executable, "-m", "rehearsal", arguments.rehearsal], env=environment) as process:  # noqa: S603 -- our own command
        while process.poll() is None:
            # Ctrl-C reaches both: the rehearsal tidies up, and says so.
            with suppress(KeyboardInterrupt):
                process.wait()
    return process.returncode
