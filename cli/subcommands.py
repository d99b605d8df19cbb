"""The subcommands of `fruits`, and how a module adds its subcommand to the command line."""

import argparse
from dataclasses import dataclass
from typing import TypeAlias

Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 -- argparse has no public name


INTERRUPTED = "interrupted"
"""Attribute of parsed arguments: the sentence of `add_subcommand` on an interruption."""


@dataclass(frozen=True)
class Command:
    """A subcommand, as far as the list of all subcommands shows it."""

    module: str
    """Module that defines it, with a function `add_command`. It is imported when a user calls the subcommand."""
    summary: str


COMMANDS = {
    "run": Command("cli.run", "run the pipeline on this machine"),
    "notify": Command("cli.notify", "write notices of images, which `fruits run --mode update` reads"),
    "features": Command("cli.features", "write the features of the last complete results to a file"),
    "matrix": Command("cli.matrix", "write the matrix of the last complete results in the format of another program"),
    "similar": Command("cli.similar", "list the images that resemble an image most"),
    "demo": Command("cli.demo", "draw sample pictures and run the pipeline on them"),
    "sample": Command("cli.sample_command", "draw fruit pictures, and add a few broken files"),
    "export": Command("cli.export", "export the network once, for runs with `--weights FOLDER`"),
    "setup": Command("cli.setup", "prepare Spark for runs on this machine; `make` has done so"),
    "upload": Command("cli.cloud.upload", "upload a folder of images to an environment; skip unchanged files"),
    "status": Command(
        "cli.cloud.status", "show what runs, waits and needs attention in an environment, and what to do"
    ),
    "logs": Command("cli.cloud.logs", "print the logs of a run: workflow, functions, driver and executors"),
    "runs": Command("cli.cloud.runs", "list the last runs of an environment and what they cost"),
    "results": Command("cli.cloud.results", "download the last complete results of an environment"),
    "start": Command("cli.cloud.start", "start a run in an environment, and follow it"),
    "reprocess": Command(
        "cli.cloud.start", "start a run of all images from the beginning, and follow it: start --mode reprocess"
    ),
    "dead-letters": Command(
        "cli.cloud.dead_letters", "show the messages that could not be processed; send them back or remove them"
    ),
    "account": Command(
        "cli.cloud.account", "say which AWS account the credentials lead to; `make deploy` asks this first"
    ),
}
"""The subcommands by name, in the order of the list. Other packages add theirs with entry points."""


def add_subcommand(
    subcommands: Subcommands, name: str, interrupted: str = "", summary: str | None = None
) -> argparse.ArgumentParser:
    """Add a subcommand.

    Parameters
    ----------
    interrupted
        Sentence that says in which state the subcommand leaves its work after Ctrl-C; empty if there is nothing to say.
    summary
        Text for the list of subcommands, and for the help of the subcommand itself; `None` for that of `COMMANDS`.
    """
    summary = summary or COMMANDS[name].summary
    parser = subcommands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.set_defaults(**{INTERRUPTED: interrupted})
    return parser
