"""`fruits completion`: prints the script by which a shell completes commands, options, choices and files."""

import argparse
from collections.abc import Iterator
from enum import StrEnum

from cli.subcommands import Subcommands, add_subcommand
from spark_app.options import OneOf, in_words, path


class Shell(StrEnum):
    """Shells for which shtab writes a script."""

    BASH = "bash"
    ZSH = "zsh"
    TCSH = "tcsh"
    FISH = "fish"


FOLDERS, FILES = {"folder", "images", "output"}, {"file", "paths", "weights"}
"""Names of the arguments that are folders, and of those that are files or folders."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits completion`."""
    parser = add_subcommand(subcommands, "completion")
    parser.add_argument(
        "shell", type=OneOf(Shell), metavar="SHELL", help=f"shell that is to read the script: {in_words(list(Shell))}"
    )
    parser.set_defaults(command=_completion)


def _completion(arguments: argparse.Namespace) -> int:
    print(script(arguments.shell))
    return 0


def script(shell: Shell) -> str:
    """Return the script for a shell, which knows all commands of this version."""
    import shtab

    from cli.main import whole_parser

    parser = whole_parser()
    for action in _actions(parser):
        _describe(action)
    return str(shtab.complete(parser, shell=shell.value))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser and of its subcommands."""
    for action in parser._actions:  # noqa: SLF001 -- argparse has no other list of arguments
        yield action
        for subcommand in action.choices.values() if isinstance(action.choices, dict) else ():
            yield from _actions(subcommand)


def _describe(action: argparse.Action) -> None:
    """Tell shtab the values of an argument, which argparse does not know, because the project reads them itself."""
    import shtab

    from cdk.settings import ENVIRONMENTS

    if action.dest == "env":
        action.choices = list(ENVIRONMENTS)
    elif isinstance(action.type, OneOf):
        action.choices = action.type.words
    elif action.dest in FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.dest in FILES or action.type is path:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
