"""How a module adds its subcommand to the command line."""

import argparse
from typing import TypeAlias

Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 -- argparse has no public name


INTERRUPTED = "interrupted"
"""Attribute of parsed arguments: the sentence of `add_subcommand` on an interruption."""


def add_subcommand(subcommands: Subcommands, name: str, summary: str, interrupted: str = "") -> argparse.ArgumentParser:
    """Add a subcommand.

    Parameters
    ----------
    summary
        Text for the list of subcommands, and for the help of the subcommand itself.
    interrupted
        Sentence that says in which state the subcommand leaves its work after Ctrl-C; empty if there is nothing to say.
    """
    parser = subcommands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.set_defaults(**{INTERRUPTED: interrupted})
    return parser
