"""How a module adds its subcommand to the command line."""

import argparse
from typing import TypeAlias

Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 -- argparse has no public name


def add_subcommand(subcommands: Subcommands, name: str, summary: str) -> argparse.ArgumentParser:
    """Add a subcommand. Its summary appears in the list of subcommands and in the help of the subcommand itself."""
    return subcommands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
