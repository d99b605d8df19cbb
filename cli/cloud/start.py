"""`fruits start` and `fruits reprocess`: start a run, and follow it to its end."""

import argparse

from cli.cloud.environment import add_environment_arguments, connect
from cli.cloud.errors import explained_errors
from cli.cloud.executions import add_follow_argument, start_and_follow
from cli.subcommands import Subcommands, add_subcommand
from contract.runs import Mode
from spark_app.options import OneOf


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits start` and `fruits reprocess`."""
    start = add_subcommand(subcommands, "start")
    start.add_argument(
        "--mode",
        required=True,
        type=OneOf(Mode),
        metavar=f"{{{','.join(Mode)}}}",
        help="which images the run examines, as for `fruits run`",
    )
    reprocess = add_subcommand(subcommands, "reprocess")
    reprocess.set_defaults(mode=Mode.REPROCESS)
    for parser in (start, reprocess):
        add_follow_argument(parser)
        add_environment_arguments(parser)
        parser.set_defaults(command=_start)


def _start(arguments: argparse.Namespace) -> int:
    with explained_errors():
        deployment = connect(arguments.env, arguments.endpoint_url)
    start_and_follow(deployment, Mode(arguments.mode), follows=not arguments.no_follow)
    return 0
