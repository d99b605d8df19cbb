"""A deployed stack that stays for experiments: `fruits rehearse up|down|status`."""

import json
import tempfile
from pathlib import Path

from cdk.packaging.package import ROOT
from cli.cloud.records import last_complete_run
from cli.cloud.situation import messages_in
from contract.environments import Output, stack_name
from localaws.host import Host, start
from localspark.jars import Jars, fetched
from rehearsal.deployment import deployed
from rehearsal.rehearse import ENVIRONMENT, PACE, TimedPrinter, deploy_to, destroy_in
from rehearsal.results import save_report
from rehearsal.watch import Watch
from spark_app.errors import UsageError

STATE_FILE = ROOT / "build" / "rehearsal.json"
"""This file describes the local AWS that `up` has started."""


def up() -> None:
    """Start a local AWS that outlives this command, and deploy the stack to it.

    Raises
    ------
    UsageError
        If such a local AWS is running.
    RehearsalError
        If the deployment fails; the local AWS has ended then.
    """
    if host := _running_host():
        raise UsageError(f"A rehearsal is up at {host.endpoint}: `fruits rehearse down` ends it.")
    host = start(PACE, fetched(Jars.S3_CLIENT), stay=True)
    try:
        with tempfile.TemporaryDirectory(prefix="fruits-rehearsal-") as scratch:
            deployment = deploy_to(host, Path(scratch), TimedPrinter())
        STATE_FILE.parent.mkdir(exist_ok=True)
        STATE_FILE.write_text(json.dumps({"endpoint": host.endpoint, "pid": host.pid, "folder": host.folder}))
    except BaseException:
        host.end()
        raise
    print("\n" + _instructions(host, deployment.bucket))


def down() -> None:
    """Destroy the stack, check that nothing is left, and end the local AWS.

    Raises
    ------
    UsageError
        If no such local AWS is running.
    RehearsalError
        If a resource is left; the local AWS has ended then, too.
    """
    host = host_that_is_up()
    try:
        with tempfile.TemporaryDirectory(prefix="fruits-rehearsal-") as scratch:
            destroy_in(host, Path(scratch), TimedPrinter())
    finally:
        host.end()
        STATE_FILE.unlink(missing_ok=True)


def status() -> None:
    """Print what is going on in the stack and how to use it, and save the last report.

    Raises
    ------
    UsageError
        If no such local AWS is running.
    """
    host = host_that_is_up()
    deployment = deployed(host, ENVIRONMENT)
    executions = Watch(host, deployment).executions()
    running = sum(execution["status"] == "RUNNING" for execution in executions)
    print(f"{stack_name(ENVIRONMENT)} is up at {host.endpoint}; its log is {host.log}.")
    print(f"Messages in the queue: {messages_in(deployment, Output.QUEUE).total}.", end=" ")
    print(f"Executions: {len(executions)}, of which {running} are running.")
    if run_id := last_complete_run(deployment):
        print(f"Report of run {run_id}: {save_report(deployment, run_id)}")
    else:
        print("There is no report yet, because no run is complete.")
    print("\n" + _instructions(host, deployment.bucket))


def host_that_is_up() -> Host:
    """Return the local AWS that `up` has started.

    Raises
    ------
    UsageError
        If no such local AWS is running.
    """
    host = _running_host()
    if host is None:
        raise UsageError("No rehearsal is up: `fruits rehearse up` deploys one.")
    return host


def _running_host() -> Host | None:
    """Return the local AWS that `up` has started; `None` if there is none, or if it has ended."""
    if not STATE_FILE.exists():
        return None
    host = Host(**json.loads(STATE_FILE.read_text()))
    if host.is_alive:
        return host
    STATE_FILE.unlink(missing_ok=True)
    return None


def _instructions(host: Host, bucket: str) -> str:
    variables = "\n".join(f"    export {name}={value}" for name, value in host.variables.items())
    return f"""\
These variables lead every AWS tool to it:

{variables}

Examples:

    .venv/bin/fruits sample pictures --views 4
    .venv/bin/fruits upload pictures --env {ENVIRONMENT} --endpoint-url {host.endpoint}
    .venv/bin/fruits status --env {ENVIRONMENT} --endpoint-url {host.endpoint}
    .venv/bin/fruits logs --follow --env {ENVIRONMENT} --endpoint-url {host.endpoint}
    .venv/bin/fruits start --mode reconcile --env {ENVIRONMENT} --endpoint-url {host.endpoint}
    aws --endpoint-url {host.endpoint} s3 rm "s3://{bucket}/images/Plum/view 000.jpg"

`fruits rehearse status` saves the report of the last run, and prints its address.
`fruits rehearse down` destroys everything."""
