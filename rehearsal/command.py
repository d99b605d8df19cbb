"""`fruits rehearse`: the whole cloud on this machine, without an account."""

import argparse
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec

from localspark.jars import Jars, fetched
from localspark.java import find_java
from rehearsal.errors import RehearsalError, RehearsalInterruptedError
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
    commands = parser.add_subparsers(metavar="|".join(COMMANDS))
    for name, sentence in COMMANDS.items():
        commands.add_parser(name, help=sentence).set_defaults(rehearsal=name)
    parser.set_defaults(command=_rehearse, rehearsal="run")


def _rehearse(arguments: argparse.Namespace) -> int:
    if find_spec("moto") is None:
        raise InstallationError("The rehearsal needs the packages of requirements.txt: run `make .venv/ready`.")
    os.environ["JAVA_HOME"] = str(find_java(os.environ))
    from localaws.account import LocalAwsError

    try:
        _commands()[arguments.rehearsal]()
    except LocalAwsError as error:
        raise RehearsalError(str(error)) from error
    except KeyboardInterrupt:
        raise RehearsalInterruptedError("interrupted. Nothing is left behind.") from None
    return 0


def _commands() -> Mapping[str, Callable[[], object]]:
    from rehearsal import rehearse, stay

    return {
        "run": rehearse.rehearse,
        "up": stay.up,
        "down": stay.down,
        "status": stay.status,
        "prepare": lambda: fetched(Jars.S3_CLIENT),
    }
