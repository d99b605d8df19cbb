"""A deployed stack that stays up to play with: `fruits rehearse up|down|status`."""

import json
import tempfile
from pathlib import Path

from contract.environments import Output, stack_name
from localaws.host import Host, start
from localspark.jars import Jars, fetched
from rehearsal.deployment import ROOT, outputs_of
from rehearsal.errors import RehearsalUsageError
from rehearsal.rehearse import ENVIRONMENT, PACE, Teller, deployed, destroyed
from rehearsal.watch import Watch

STATE = ROOT / "build" / "rehearsal.json"
"""This file describes the local AWS that stays up."""

DOWN = "No rehearsal is up: `fruits rehearse up` deploys one."


def up() -> None:
    """Start a local AWS that outlives this command, and deploy the stack to it.

    Raises
    ------
    RehearsalUsageError
        If one is up already.
    RehearsalError
        If the deployment fails; nothing is up then.
    """
    if host := _recall():
        raise RehearsalUsageError(f"A rehearsal is up at {host.endpoint}: `fruits rehearse down` ends it.")
    host = start(PACE, fetched(Jars.S3_CLIENT), stay=True)
    try:
        with tempfile.TemporaryDirectory(prefix="fruits-rehearsal-") as scratch:
            outputs = deployed(host, Path(scratch), Teller())
    except BaseException:
        host.end()
        raise
    _remember(host)
    print("\n" + _instructions(host, outputs[Output.BUCKET]))


def down() -> None:
    """Destroy the stack, see that nothing is left, and end the local AWS.

    Raises
    ------
    RehearsalUsageError
        If none is up.
    RehearsalError
        If something is left; the local AWS is ended all the same.
    """
    host = _host()
    try:
        with tempfile.TemporaryDirectory(prefix="fruits-rehearsal-") as scratch:
            destroyed(host, Path(scratch), Teller())
    finally:
        host.end()
        STATE.unlink(missing_ok=True)


def status() -> None:
    """Say whether a stack is up, what goes on in it, and how to use it.

    Raises
    ------
    RehearsalUsageError
        If none is up.
    """
    host = _host()
    outputs = outputs_of(host, stack_name(ENVIRONMENT))
    watch = Watch(host, outputs)
    running = [one["name"] for one in watch.executions() if one["status"] == "RUNNING"]
    print(f"{stack_name(ENVIRONMENT)} is up at {host.endpoint}; what goes wrong behind it: {host.log}")
    print(f"{watch.waiting_messages()} messages wait; executions: {len(watch.executions())}, running: {len(running)}\n")
    print(_instructions(host, outputs[Output.BUCKET]))


def _host() -> Host:
    host = _recall()
    if host is None:
        raise RehearsalUsageError(DOWN)
    return host


def _instructions(host: Host, bucket: str) -> str:
    variables = "\n".join(f"    export {name}={value}" for name, value in host.variables.items())
    return f"""\
Every AWS tool finds it with

{variables}

Then, for example:

    .venv/bin/fruits sample pictures --views 4
    .venv/bin/fruits upload pictures --env {ENVIRONMENT} --endpoint-url {host.endpoint}
    .venv/bin/fruits status --env {ENVIRONMENT} --endpoint-url {host.endpoint}
    .venv/bin/fruits reprocess --env {ENVIRONMENT} --endpoint-url {host.endpoint}
    aws --endpoint-url {host.endpoint} s3 rm "s3://{bucket}/images/Plum/view 000.jpg"

`fruits rehearse down` destroys it again."""


def _remember(host: Host) -> None:
    STATE.parent.mkdir(exist_ok=True)
    STATE.write_text(json.dumps({"endpoint": host.endpoint, "pid": host.pid, "folder": host.folder}))


def _recall() -> Host | None:
    """Find the local AWS that stays up; return `None` if there is none, or if it has ended."""
    if not STATE.exists():
        return None
    host = Host(**json.loads(STATE.read_text()))
    if host.is_alive:
        return host
    STATE.unlink(missing_ok=True)
    return None
