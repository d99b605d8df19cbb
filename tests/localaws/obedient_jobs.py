"""A local AWS whose jobs are shell scripts: each waits for being told what to do, so that nobody waits for a job."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from localaws.account import REGION, LocalAws
from localaws.job_runs import MACHINES

PATIENCE = 30.0

SERVE = """
import sys
from localaws import job_runs, server

def compose(aws, submission, paths, folder):
    return ["/bin/sh", str(paths[submission.entry_point]), *submission.arguments]

job_runs.compose = compose
sys.exit(server.main(sys.argv[1:]))
"""

SCRIPT = 'echo begun; echo > "$READY"; read order < "$ORDERS"; eval "$order"'

BUCKET, GROUP = "files", "/jobs"

ANYTHING = ("s3:*", "logs:*", "dynamodb:*", "states:*", "lambda:*", "emr-serverless:*", "iam:PassRole", "events:*")


@dataclass(frozen=True)
class Cloud:
    """The local AWS, and what tests make in it.

    Attributes
    ----------
    aws
        Of this process: the administrator's.
    folder
        Of the local AWS.
    ready, orders
        Pipes: a job says in the first that it is there, and does what it reads from the second.
    """

    aws: LocalAws
    folder: Path
    ready: Path
    orders: Path

    def tell(self, order: str) -> None:
        """Wait until a job wants to be told what to do, and tell it."""
        ready = os.open(self.ready, os.O_RDONLY | os.O_NONBLOCK)  # which doesn't wait for ever
        until(lambda: _read(ready))
        os.close(ready)
        self.orders.write_text(f"{order}\n")

    def role(self, *actions: str, service: str) -> str:
        """Make a role that a service may take on."""
        name = f"role-{uuid4().hex}"
        iam = self.aws.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        allowed = {"Effect": "Allow", "Action": actions or ["sts:GetCallerIdentity"], "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_policy(allowed))
        return str(made["Role"]["Arn"])

    def job_role(self, *actions: str) -> str:
        """Make a role for jobs; by default it may do anything."""
        return self.role(*(actions or ANYTHING), service="emr-serverless.amazonaws.com")

    def application(self, **settings: Any) -> str:  # noqa: ANN401 -- of boto3
        """Make an application for the processor of this machine."""
        logs = {"cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": GROUP}}
        defaults = {
            "architecture": MACHINES[os.uname().machine],
            "schedulerConfiguration": {"maxConcurrentRuns": 1, "queueTimeoutMinutes": 60},
            "monitoringConfiguration": logs,
        }
        emr = self.aws.client("emr-serverless")
        made = emr.create_application(
            name="fruits", releaseLabel="emr-spark-8.1.0", type="SPARK", **defaults | settings
        )
        return str(made["applicationId"])

    def put_script(self, script: str = SCRIPT) -> str:
        """Upload the main file of a job, and return its URL."""
        key = f"{uuid4().hex}.sh"
        body = script.replace("$READY", str(self.ready)).replace("$ORDERS", str(self.orders)).encode()
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def cloud_in(folder: Path, pace: float = 60.0) -> Iterator[Cloud]:
    """Run a local AWS in a process of its own."""
    command = [sys.executable, "-c", SERVE, "--folder", folder / "aws", "--pace", str(pace)]
    pipes = (folder / "ready", folder / "orders")
    for pipe in pipes:
        os.mkfifo(pipe)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            endpoint = json.loads(process.stdout.readline())["endpoint"]
            aws = LocalAws(port=int(endpoint.rpartition(":")[2]), folder=folder)
            location = {"LocationConstraint": REGION}
            aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
            aws.client("logs").create_log_group(logGroupName=GROUP)
            yield Cloud(aws, folder / "aws", *pipes)
        finally:
            process.stdin.close()
            assert process.wait(PATIENCE) == 0


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 1)
    except BlockingIOError:  # somebody has opened it, and not written yet
        return b""


def until(look: Callable[[], Any]) -> Any:  # noqa: ANN401 -- whatever is looked for
    """Look again and again until there is something to be seen."""
    end = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < end, "waited in vain"
        threading.Event().wait(0.02)
    return seen
