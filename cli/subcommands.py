"""The subcommands of `fruits`, and how a module adds its subcommand to the command line."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cli.cloud import words
from spark_app.options import Parser

Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 -- argparse has no public name


INTERRUPTED = "interrupted"
"""Attribute of parsed arguments: the sentence of `add_subcommand` on an interruption."""


class Group(StrEnum):
    """Groups of the list of subcommands; a value is the title of the group."""

    HERE = "On this machine"
    TRIAL = "To try it out"
    CLOUD = "In the cloud"
    INSTALLATION = "This installation"


@dataclass(frozen=True)
class Command:
    """A subcommand, as far as the list of all subcommands shows it."""

    module: str
    """Module that defines it, with a function `add_command`. It is imported when a user calls the subcommand."""
    summary: str
    group: Group = Group.HERE


COMMANDS = {
    "run": Command("cli.run", "run the pipeline on this machine"),
    "notify": Command("cli.notify", "write notices of images, which `fruits run --mode update` reads"),
    "features": Command("cli.features", "write the features of the last complete results to a file"),
    "matrix": Command("cli.matrix", "write the matrix of the last complete results in the format of another program"),
    "similar": Command("cli.similar", "list the images that resemble an image most"),
    "open": Command("cli.open", "open the last report or explorer, of this machine or of an environment"),
    "demo": Command("cli.demo", "draw sample pictures and run the pipeline on them", Group.TRIAL),
    "sample": Command("cli.sample_command", "draw fruit pictures, and add a few broken files", Group.TRIAL),
    "doctor": Command(
        "cli.doctor.command", "check this machine and the AWS account, and say what to do", Group.INSTALLATION
    ),
    "export": Command("cli.export", "export the network once, for runs with `--weights FOLDER`", Group.INSTALLATION),
    "setup": Command("cli.setup", "prepare Spark for runs on this machine; `make` has done so", Group.INSTALLATION),
    "completion": Command(
        "cli.completion", "print a script that completes commands and options in a shell", Group.INSTALLATION
    ),
    "upload": Command(
        "cli.cloud.upload", "upload a folder of images to an environment; skip unchanged files", Group.CLOUD
    ),
    "status": Command(
        "cli.cloud.status",
        "show what runs, waits and needs attention in an environment, and what to do",
        Group.CLOUD,
    ),
    "logs": Command(
        "cli.cloud.logs", "print the logs of a run: workflow, functions, driver and executors", Group.CLOUD
    ),
    "runs": Command("cli.cloud.runs", "list the last runs of an environment and what they cost", Group.CLOUD),
    "cost": Command("cli.cloud.cost", "say what the last runs and the month have cost, and the budget", Group.CLOUD),
    "results": Command("cli.cloud.results", "download the last complete results of an environment", Group.CLOUD),
    "evidence": Command(
        "cli.cloud.evidence.command", "write a folder that proves a run in the cloud, with verdicts", Group.CLOUD
    ),
    "start": Command("cli.cloud.start", "start a run in an environment, and follow it", Group.CLOUD),
    "reprocess": Command(
        "cli.cloud.start",
        "start a run of all images from the beginning, and follow it: start --mode reprocess",
        Group.CLOUD,
    ),
    "dead-letters": Command(
        "cli.cloud.dead_letters",
        "show the messages that could not be processed; send them back or remove them",
        Group.CLOUD,
    ),
    "account": Command(
        "cli.cloud.account",
        "say which AWS account the credentials lead to; `make deploy` asks this first",
        Group.CLOUD,
    ),
}
"""The subcommands by name, in the order of the list. Other packages add theirs with entry points."""


class CommandList(Parser):
    """The parser of `fruits` itself, whose help lists the subcommands in groups. Subcommands have the usual help."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        kind: type[argparse.ArgumentParser] = Parser
        self._list = self.add_subparsers(
            prog="fruits", required=True, metavar="COMMAND", dest="name", parser_class=kind
        )

    @property
    def subcommands(self) -> Subcommands:
        """The subcommands, to which `add_subcommand` adds."""
        return self._list

    def format_help(self) -> str:
        """Return the help: the subcommands in groups, and what else is common to all."""
        lines = [self.format_usage(), *words.wrapped(self.description or "")]
        for group in Group:
            lines += ["", f"{group}:", *words.described(list(self._rows(group)), indent=2)]
        return "\n".join([*lines, "", *words.wrapped(self.epilog or ""), ""])

    def _rows(self, group: Group) -> Iterator[tuple[str, str]]:
        widest = max(map(len, self._list.choices))
        for name, parser in self._list.choices.items():
            command = COMMANDS.get(name)
            if group == (command.group if command else Group.TRIAL):
                yield name.ljust(widest), command.summary if command else _summary_of(parser)


def _summary_of(parser: argparse.ArgumentParser) -> str:
    """Return the summary of a subcommand of another package, from which `add_subcommand` has made its description."""
    text = (parser.description or "").rstrip(".")
    return f"{text[:1].lower()}{text[1:]}"


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
