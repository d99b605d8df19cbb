"""`fruits doctor`: says what works on this machine and in the AWS account, and what to do about the rest."""

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from cdk.settings import ENVIRONMENTS
from cli.as_json import add_json_argument, print_json
from cli.cloud import words
from cli.cloud.environment import add_environment_arguments, session_of, settings_of
from cli.cloud.errors import explain
from cli.subcommands import Subcommands, add_subcommand
from spark_app.errors import FruitsError, UsageError
from spark_app.options import filled
from spark_app.place import Place
from spark_app.settings import as_url

if TYPE_CHECKING:
    from cli.doctor.checks import Check, Finding

NO_CREDENTIALS = "no credentials; only deployments and commands for the cloud need them"

UNNAMED = next(iter(ENVIRONMENTS))
"""Environment whose Region and capacity are compared with the account, if the user names none."""


class FailedChecksError(FruitsError):
    """Something without which runs, or the commands for the environment, do not work."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits doctor`."""
    parser = add_subcommand(subcommands, "doctor")
    parser.add_argument(
        "--output", type=filled, metavar="FOLDER", help="output of the runs, whose disk is checked [the current folder]"
    )
    add_json_argument(parser)
    add_environment_arguments(parser, is_optional=True)
    parser.set_defaults(command=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    output = Place(as_url(arguments.output or "."))
    if not output.is_local:
        raise UsageError("--output must be a folder of this machine; for an environment, use --env.")
    of_account = _account_checks(arguments)

    from cli.doctor.checks import Status, examine_all
    from cli.doctor.installation import installation_checks
    from cli.doctor.machine import machine_checks
    from cli.doctor.network import network_checks

    checks = [*installation_checks(), *machine_checks(output.local_path), *network_checks()]
    found = examine_all([*checks, *of_account])
    if arguments.json:
        print_json(document(found))
    else:
        print("\n".join(lines(found)))
    if failures := [check.name for check, finding in found if finding.status is Status.FAIL]:
        raise FailedChecksError(f"{words.counted(len(failures), 'check')} failed: do what the findings above say.")
    return 0


def _account_checks(arguments: argparse.Namespace) -> "list[Check]":
    """Return the checks of the account. Without an environment, their failures are warnings."""
    from cli.doctor.checks import lenient

    checks = _checks_with_credentials(arguments)
    # Credentials may be there for other projects.
    return checks if arguments.env else [*map(lenient, checks)]


def _checks_with_credentials(arguments: argparse.Namespace) -> "list[Check]":
    from cli.doctor.checks import Check, fail, skip

    settings = settings_of(arguments.env or UNNAMED)
    try:
        session = session_of(settings.region, arguments.endpoint_url)
        has_credentials = session.get_credentials() is not None
    except BotoCoreError as error:
        broken = fail("the configuration of AWS is not usable", str(explain(error)))
        return [Check("aws", lambda: broken)]
    if not arguments.env and not has_credentials:
        return [Check("aws", lambda: skip(NO_CREDENTIALS))]
    from cli.doctor.account import account_checks

    return account_checks(settings, session, arguments.endpoint_url)


def lines(found: "Sequence[tuple[Check, Finding]]") -> Iterator[str]:
    """Write findings for a terminal: one line each, and below it what to do."""
    column = max(len(check.name) for check, _ in found) + 2
    for check, finding in found:
        begin = f"{finding.status:<4}  {check.name:<{column}}"
        yield from words.wrapped(finding.found, begin, " " * len(begin))
        if finding.advice:
            yield from words.wrapped(f"→ {finding.advice}", " " * len(begin), " " * (len(begin) + 2))
    yield ""
    yield _total(found)


def _total(found: "Sequence[tuple[Check, Finding]]") -> str:
    statuses = [finding.status for _, finding in found]
    counts = [f"{words.counted(len(statuses), 'check')}"]
    counts += [f"{statuses.count(status)} {status}" for status in dict.fromkeys(sorted(statuses))]
    return f"{counts[0]}: {', '.join(counts[1:])}"


def document(found: "Sequence[tuple[Check, Finding]]") -> dict[str, Any]:
    """Describe findings for a program."""
    return {
        "checks": [
            {"name": check.name, "status": finding.status, "found": finding.found, "advice": finding.advice or None}
            for check, finding in found
        ]
    }
