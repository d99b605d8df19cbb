"""`fruits rehearse`: a plug-in of the `fruits` command. The list of commands imports it, so it imports little."""

import argparse
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec

from cli.subcommands import Subcommands, add_subcommand
from rehearsal.errors import RehearsalError
from spark_app.errors import InstallationError

SUBCOMMANDS = {
    "run": "deploy to a local AWS, upload pictures, watch, compare with a run on folders, destroy",
    "up": "deploy to a local AWS that keeps running, for experiments",
    "down": "destroy what `up` deployed, and check that nothing is left",
    "status": "show what `up` deployed, save the last report, and print how to use it",
    "prepare": "download what only rehearsals need; `make` has done so",
}

INTERRUPTED = {
    "run": "Interrupted. Nothing is left behind.",
    "up": "Interrupted. Nothing is left behind.",
    "down": "Interrupted. The local AWS has ended, with all that was deployed.",
    "status": "Interrupted.",
    "prepare": "Interrupted. Run the same command again for the rest.",
}
"""What Ctrl-C leaves of each subcommand."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits rehearse`."""
    parser = add_subcommand(subcommands, "rehearse", summary="rehearse the cloud on this machine, without an account")
    commands = parser.add_subparsers(metavar="|".join(SUBCOMMANDS))
    for name, summary in SUBCOMMANDS.items():
        add_subcommand(commands, name, summary=summary).set_defaults(rehearsal=name)
    parser.set_defaults(command=_rehearse, rehearsal="run")


def _rehearse(arguments: argparse.Namespace) -> int:
    if find_spec("moto") is None:
        raise InstallationError("`fruits rehearse` needs moto, a package for development: run `make .venv/ready`.")
    from localspark.java import find_java

    os.environ["JAVA_HOME"] = str(find_java(os.environ))
    from cli.cloud.errors import explained_errors, interruption
    from localaws.account import LocalAwsError

    try:
        with explained_errors(), interruption(lambda: INTERRUPTED[arguments.rehearsal]):
            _functions()[arguments.rehearsal]()
    except LocalAwsError as error:
        raise RehearsalError(str(error)) from error
    return 0


def _functions() -> Mapping[str, Callable[[], object]]:
    from localspark.jars import Jars, fetched
    from rehearsal import rehearse, stay

    return {
        "run": rehearse.rehearse,
        "up": stay.up,
        "down": stay.down,
        "status": stay.status,
        "prepare": lambda: fetched(Jars.S3_CLIENT),
    }
