"""Entry point of the `fruits` command: it turns the errors of subcommands into messages and exit codes."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from cli.subcommands import COMMANDS, INTERRUPTED, CommandList, add_subcommand
from spark_app.errors import FruitsError, UsageError
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
        parser = _parser(words)
        _check_name(words, parser)
        arguments = parser.parse_args(words)
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


def _parser(words: Sequence[str]) -> CommandList:
    """Return the parser of a command line, which knows the options of the chosen subcommand, and the names of all.

    A user waits for an answer to a mistake, so the parser imports the module of the chosen subcommand only.
    """
    parser = _empty_parser()
    chosen = COMMANDS.get(_name_in(words) or "")
    for name, command in COMMANDS.items():
        if chosen is None or command.module != chosen.module:
            add_subcommand(parser.subcommands, name)
        elif name not in parser.subcommands.choices:  # a module may define several
            import_module(command.module).add_command(parser.subcommands)
    if chosen is None:
        _add_entry_points(parser)
    return parser


def whole_parser() -> CommandList:
    """Return the parser with the options of all subcommands, which only the completion of a shell needs."""
    parser = _empty_parser()
    for module in dict.fromkeys(command.module for command in COMMANDS.values()):
        import_module(module).add_command(parser.subcommands)
    _add_entry_points(parser)
    return parser


def _empty_parser() -> CommandList:
    parser = CommandList(
        prog="fruits",
        usage="fruits COMMAND ...",
        description="Turn photos of fruit into MobileNetV2 features and a PCA matrix, on Spark.",
        epilog="`fruits COMMAND --help` lists the options of a command, `fruits --version` prints the versions.",
    )
    parser.add_argument("--version", action=VersionAction, nargs=0, help="print the versions, and exit")
    return parser


def _add_entry_points(parser: CommandList) -> None:
    from importlib.metadata import entry_points

    for entry_point in entry_points(group=ENTRY_POINTS):
        entry_point.load()(parser.subcommands)


def _name_in(words: Sequence[str]) -> str | None:
    """Return the name of the subcommand in a command line; `None` without one."""
    return next((word for word in words if not word.startswith("-")), None)


def _check_name(words: Sequence[str], parser: CommandList) -> None:
    """Check the name of the subcommand: the message of argparse would list all of them in one line.

    Raises
    ------
    UsageError
        If there is no such subcommand, or if the command line is empty.
    """
    name = _name_in(words)
    if not words:
        raise UsageError("Name a command: `fruits --help` lists them.")
    if name is not None and name not in parser.subcommands.choices:
        from difflib import get_close_matches

        close = get_close_matches(name, parser.subcommands.choices, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise UsageError(f"There is no command {name!r}: {hint}`fruits --help` lists the commands.")


class VersionAction(argparse.Action):
    """The option that prints the versions. It looks them up when a user asks for them, which takes time."""

    def __call__(self, *_: object) -> NoReturn:
        """Print the versions and end the command."""
        import platform
        from importlib.metadata import version

        print(f"fruits {version('fruits-pipeline')}, Python {platform.python_version()}, Spark {version('pyspark')}")
        sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
