"""Entry point of the `fruits` command: it turns the errors of subcommands into messages and exit codes."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

from spark_app.errors import FruitsError
from spark_app.options import Parser

ENTRY_POINTS = "fruits.commands"
"""Group of the entry points that add subcommands: a package above `cli`, such as `rehearsal`, extends the command."""

INTERRUPTED = 130
"""Exit code that shells use for a command that Ctrl-C ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; return 0 for success, 1 for a failure, 2 for a mistake of the user, 130 after Ctrl-C."""
    try:
        arguments = _parser().parse_args(argv)
        code: int = arguments.command(arguments)
    except FruitsError as error:
        print(f"fruits: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nfruits: interrupted. The last complete results are unchanged; run again to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The program that read the output has ended. Python flushes what is buffered at its exit, which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    from cli import demo, export, features, notify, run, sample, setup
    from cli.cloud import reprocess, results, runs, status, upload

    parser = Parser(
        prog="fruits", description="Turn photos of fruit into MobileNetV2 features and a PCA matrix, on Spark."
    )
    subcommands = parser.add_subparsers(required=True, metavar="command")
    for module in (run, notify, features, demo, sample, export, setup, upload, reprocess, status, runs, results):
        module.add_command(subcommands)
    for entry_point in entry_points(group=ENTRY_POINTS):
        entry_point.load()(subcommands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
