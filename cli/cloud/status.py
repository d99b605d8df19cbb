"""`fruits status`: prints the current state of an environment, what needs attention, and what to type next."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from cli.as_json import add_json_argument
from cli.cloud import words
from cli.cloud.attention import Attention, attention
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import explain, explained_errors
from cli.cloud.history import phrase_for
from cli.cloud.last_words import last_words
from cli.cloud.records import RecordedRun
from cli.cloud.situation import Execution, MessageCounts, Situation, situation_of
from cli.subcommands import Subcommands, add_subcommand
from contract.environments import Output
from spark_app.errors import FruitsError, UsageError

NEEDS_ATTENTION = 3
"""Exit code with ``--exit-code`` if something needs attention; 1 means that AWS can't be asked, 2 a mistake."""

SECONDS_BETWEEN_LOOKS = 10.0
"""Time between two looks of ``--watch``."""

CLEAR = "\x1b[H\x1b[2J"
"""Clears a terminal."""

NO_LOG = "It has left no log: it failed before its program began, or AWS delivers the lines late."

UNKNOWN = "unknown: these credentials have no permission to ask"


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits status`."""
    parser = add_subcommand(subcommands, "status")
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help=f"exit with {NEEDS_ATTENTION} if something needs attention [0]; 1 if AWS can't be asked, 2 for a mistake",
    )
    parser.add_argument("--watch", action="store_true", help="look again every ten seconds, until Ctrl-C")
    add_json_argument(parser)
    add_environment_arguments(parser)
    parser.set_defaults(command=_status)


@explained_errors()
def _status(arguments: argparse.Namespace) -> int:
    if arguments.watch and (arguments.json or arguments.exit_code):
        raise UsageError("--watch is for people: leave out --json and --exit-code.")
    deployment = connect(arguments.env, arguments.endpoint_url)
    if arguments.watch:
        watch(deployment, time.sleep)
        return 0
    report = report_on(deployment)
    print(report.to_json() if arguments.json else "\n".join(report.lines()))
    return NEEDS_ATTENTION if arguments.exit_code and report.attention else 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `fruits status` says.

    Attributes
    ----------
    facts
        Rows of a subject and a description.
    attention
        What needs attention.
    last_words
        The last lines of the log of the failed run, if there is one.
    """

    facts: tuple[tuple[str, str], ...]
    attention: tuple[Attention, ...]
    last_words: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Write the report for a terminal; the most important lines come last, next to the prompt."""
        yield from words.described(self.facts)
        yield ""
        for one in self.attention:
            yield from words.wrapped(f"Attention: {one.what}", rest="  ")
            if one.run_id and self.last_words:
                yield "  The last lines of its log:"
                for line in self.last_words:
                    yield from words.wrapped(line, "    ", "      ")
            elif one.run_id:
                yield from words.wrapped(NO_LOG, "  ", "  ")
            if one.commands:
                yield "  Type next:"
            yield from (f"    {command}" for command in one.commands)
        if not self.attention:
            yield "Nothing needs attention."

    def to_json(self) -> str:
        """Write the report for a program."""
        found = [
            {"what": one.what, "commands": one.commands, "log": self.last_words if one.run_id else ()}
            for one in self.attention
        ]
        return json.dumps({"facts": dict(self.facts), "attention": found}, indent=2, ensure_ascii=False)


def report_on(deployment: Deployment) -> Report:
    """Ask AWS for everything that the command says."""
    situation = situation_of(deployment)
    found = tuple(attention(deployment, situation))
    run_id = next((one.run_id for one in found if one.run_id), None)
    return Report(
        facts=tuple(facts(deployment, situation)),
        attention=found,
        last_words=_log_of(deployment, run_id) if run_id else (),
    )


def _log_of(deployment: Deployment, run_id: str) -> tuple[str, ...]:
    """Return the last lines of a log, or why they can't be read: the rest of the report must not depend on them."""
    try:
        return last_words(deployment, run_id)
    except (BotoCoreError, ClientError) as error:
        return (f"The log can't be read: {explain(error)}",)


def watch(deployment: Deployment, wait: Callable[[float], None]) -> None:
    """Print the report again and again: on a terminal in the same place, elsewhere when it has changed."""
    before: list[str] = []
    while True:
        lines = _lines_or_error(deployment)
        now = f"{datetime.now(UTC):%H:%M:%S} UTC"
        if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":  # such a terminal shows the characters of CLEAR
            print(CLEAR + "\n".join([*lines, "", f"{now}; Ctrl-C ends this."]), flush=True)
        elif lines != before:
            print("\n".join([now, *lines, ""]), flush=True)
        before = lines
        wait(SECONDS_BETWEEN_LOOKS)


def _lines_or_error(deployment: Deployment) -> list[str]:
    try:
        with explained_errors():
            return list(report_on(deployment).lines())
    except FruitsError as error:  # a network may fail for a moment
        return [f"AWS can't be asked at present: {error}"]


def facts(deployment: Deployment, situation: Situation) -> Iterator[tuple[str, str]]:
    """Describe a situation as rows of a subject and a description."""
    yield "environment", f"{deployment.environment}, {deployment.region}, bucket {deployment.bucket}"
    yield "version", _version(situation)
    yield "now", _execution(situation.holder) or _execution(situation.gathering) or "no execution is running"
    yield "next", _execution(situation.waiting) or "no execution waits for the lease"
    batches = f"generation {situation.generation:,}, processed up to {situation.processed:,}"
    yield "inbox", f"{words.counted(situation.notices, 'file')} of notices; {batches}"
    yield "queue", _messages(situation.queue)
    yield "dead letters", _messages(situation.dead_letters)
    yield "results", _results(situation.complete) or ("unknown: see below" if situation.damage else "none yet")
    yield "last run", _last_run(situation.recorded) or "none yet"
    yield "alarms", _alarms(situation)
    yield "e-mail", _receivers(situation)
    yield "month", _month(situation)
    if not deployment.is_local and (dashboard := deployment.outputs.get(Output.DASHBOARD)):
        yield "console", dashboard_page(deployment.region, dashboard)


def _version(situation: Situation) -> str:
    version = situation.version
    return f"revision {version.revision}, model {version.model}" if version else "unknown: deploy again to see it"


def _execution(execution: Execution | None) -> str | None:
    if execution is None:
        return None
    if execution.started is None:
        return f"{execution.name}, which AWS no longer has"
    state = f": {phrase_for(execution.state)}" if execution.state and execution.is_running else ""
    since = f"{execution.status}, started {words.moment(execution.started)}"
    return f"{execution.name} ({execution.mode}), {since}{state}"


def _messages(counts: MessageCounts) -> str:
    taken = f", {counts.taken:,} in progress" if counts.taken else ""
    return f"{words.counted(counts.waiting, 'message')}{taken}"


def _results(run: RecordedRun | None) -> str | None:
    if run is None or run.summary is None:
        return run.run_id if run else None
    counts = run.summary.counts
    numbers = f"{words.counted(counts.images, 'image')}, {counts.rejects:,} refused"
    return f"{run.run_id} of {words.moment(run.summary.finished_at)}: {numbers}"


def _last_run(run: RecordedRun | None) -> str | None:
    if run is None or run.record is None:
        return None
    record = run.record
    cost = f", {words.dollars(record.cost_usd)} USD" if record.cost_usd is not None else ""
    ended = f"ended {words.moment(record.finished_at)}"
    return f"{run.run_id} ({record.mode}), {record.state} in {words.duration(record.seconds)}{cost}, {ended}"


def _alarms(situation: Situation) -> str:
    alarms = situation.alarms
    if alarms is None:
        return UNKNOWN
    raised = ", ".join(alarm.name for alarm in alarms.raised)
    return f"{raised} (of {alarms.total})" if raised else f"none of {alarms.total} is in alarm"


def _receivers(situation: Situation) -> str:
    receivers = situation.receivers
    if receivers is None:
        return UNKNOWN
    if receivers.is_forgotten:
        return "alarms are not sent: SNS no longer has the subscription of this environment's address"
    parts = [f"{address} (confirmed)" for address in receivers.confirmed]
    parts += [f"{address} (NOT CONFIRMED: it gets no alarms)" for address in receivers.pending]
    return ", ".join(parts) or "alarms are not sent: this environment has no address for them"


def _month(situation: Situation) -> str:
    month = situation.month
    if month is None:
        return UNKNOWN
    return (
        f"{words.dollars(month.spent_usd)} USD for jobs in {month.name}, of a budget of {month.budget_usd:,.0f} USD; "
        "without storage, requests, logs and taxes"
    )


def dashboard_page(region: str, name: str) -> str:
    """Return the URL of the AWS console for a dashboard."""
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard/{name}"
