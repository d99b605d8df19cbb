"""A deployed stack that stays up to play with: `fruits rehearse up|down|status`."""

import tempfile
from pathlib import Path

from contract.environments import Output, stack_name
from rehearsal.deployment import outputs_of
from rehearsal.errors import UsageError
from rehearsal.host import Host, forget, recall, remember, start
from rehearsal.rehearse import ENVIRONMENT, PACE, Teller, deployed, destroyed
from rehearsal.watch import Watch

DOWN = "No rehearsal is up: `fruits rehearse up` deploys one."


def up() -> None:
    """Start a local AWS that outlives this command, and deploy the stack to it.

    Raises
    ------
    UsageError
        If one is up already.
    RehearsalError
        If the deployment fails; nothing is up then.
    """
    if host := recall():
        raise UsageError(f"A rehearsal is up at {host.endpoint}: `fruits rehearse down` ends it.")
    host = start(PACE, stay=True)
    try:
        with tempfile.TemporaryDirectory(prefix="fruits-rehearsal-") as scratch:
            outputs = deployed(host, Path(scratch), Teller())
    except BaseException:
        host.end()
        raise
    remember(host)
    print("\n" + _instructions(host, outputs[Output.BUCKET]))


def down() -> None:
    """Destroy the stack, see that nothing is left, and end the local AWS.

    Raises
    ------
    UsageError
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
        forget()


def status() -> None:
    """Say whether a stack is up, what goes on in it, and how to use it.

    Raises
    ------
    UsageError
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
    host = recall()
    if host is None:
        raise UsageError(DOWN)
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

The last report, in a browser: {host.endpoint}/rehearsal/report
`fruits rehearse down` destroys it again."""
