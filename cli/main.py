"""Entry point of the `fruits` command: its subcommands, and what becomes of their errors."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

from spark_app.errors import FruitsError

COMMANDS = "fruits.commands"
"""Entry points of this group add subcommands. They let a package that uses the command line extend it as well."""

INTERRUPTED = 130
"""The shell's exit code of a command ended by Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Returns
    -------
    int
        Exit code: 0 done, 1 failed, 2 given something it can't work with, 130 interrupted.
    """
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.command(arguments)
    except FruitsError as error:
        print(f"fruits: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nfruits: interrupted. The last complete results are untouched; run again to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    from cli import demo, export, notify, run, sample, setup
    from cli.cloud import reprocess, results, runs, status, upload

    parser = argparse.ArgumentParser(prog="fruits", description="Images to MobileNetV2 features to a PCA matrix.")
    subcommands = parser.add_subparsers(required=True, metavar="command")
    for module in (run, notify, demo, sample, export, setup, upload, reprocess, status, runs, results):
        module.add_command(subcommands)
    for plugin in entry_points(group=COMMANDS):
        plugin.load()(subcommands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
