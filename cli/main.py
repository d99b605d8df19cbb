"""Entry point of the `fruits` command: it turns the errors of subcommands into messages and exit codes."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from cli.subcommands import COMMANDS, INTERRUPTED, add_subcommand
from spark_app.errors import FruitsError
from spark_app.options import Parser
from spark_app.signals import ending_by_exception

ENTRY_POINTS = "fruits.commands"
"""Group of the entry points that add subcommands: a package above `cli`, such as `rehearsal`, extends the command."""

SIGNALLED = 128
"""Shells add the number of a signal to this for the exit code of a command that the signal has ended."""

BY_CTRL_C = SIGNALLED + signal.SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; return 0 for success, 1 for a failure, 2 for a mistake of the user, 130 after Ctrl-C."""
    with ending_by_exception() as signals:
        code = _call(argv, signals)
    return SIGNALLED + signals[0] if signals else code


def _call(argv: Sequence[str] | None, signals: Sequence[int]) -> int:
    arguments = argparse.Namespace()
    try:
        words = sys.argv[1:] if argv is None else argv
        arguments = _parser(words).parse_args(words)
        code: int = arguments.command(arguments)
    except FruitsError as error:
        if signals and error.exit_code != BY_CTRL_C:
            return _interrupted(arguments)  # a library has made another error of the interruption
        print(f"fruits: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted(arguments)
    except BrokenPipeError:
        # The program that read the output has ended. Python flushes what is buffered at its exit, which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _interrupted(arguments: argparse.Namespace) -> int:
    consequence = getattr(arguments, INTERRUPTED, "")
    print(f"\nfruits: interrupted. {consequence}".rstrip(), file=sys.stderr)
    return BY_CTRL_C


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of a command line, which knows the options of the chosen subcommand, and the names of all.

    A user waits for an answer to a mistake, so the parser imports the module of the chosen subcommand only.
    """
    parser: argparse.ArgumentParser = Parser(
        prog="fruits", description="Turn photos of fruit into MobileNetV2 features and a PCA matrix, on Spark."
    )
    subcommands = parser.add_subparsers(required=True, metavar="command")
    chosen = COMMANDS.get(next((word for word in words if not word.startswith("-")), ""))
    for name, command in COMMANDS.items():
        if chosen is None or command.module != chosen.module:
            add_subcommand(subcommands, name)
        elif name not in subcommands.choices:  # a module may define several
            import_module(command.module).add_command(subcommands)
    if chosen is None:
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=ENTRY_POINTS):
            entry_point.load()(subcommands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
