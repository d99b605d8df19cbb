"""A local AWS in a process of its own, and the roles, functions and jobs that tests create in it.

Its jobs are shell scripts that do what the test tells them, so that no test waits for a job.
"""

import io
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from localaws.account import REGION, LocalAws
from localaws.job_runs import MACHINES
from localaws.sandbox import PYTHON

PATIENCE = 30.0

SERVE = """
import sys
from localaws import __main__, job_runs

def compose(aws, submission, paths, folder):
    return ["/bin/sh", str(paths[submission.entry_point]), *submission.arguments]

job_runs.compose = compose
sys.exit(__main__.main(sys.argv[1:]))
"""

SCRIPT = 'echo begun; echo > "$READY"; read order < "$ORDERS"; eval "$order"'

OBEDIENT = """
import importlib, json, os, socket, time

print("begun")

def handler(event, context):
    if "Records" in event:
        with socket.create_connection(("127.0.0.1", int(os.environ["TEST"]))) as line, line.makefile("rw") as talk:
            print(json.dumps({"records": event["Records"], "pid": os.getpid()}), file=talk, flush=True)
            event = json.loads(talk.readline())
    for line in event.get("print", []):
        print(line)
    for name in event.get("import", []):
        importlib.import_module(name)
    if "raise" in event:
        raise type(event["raise"], (Exception,), {})("as it was told")
    if "exit" in event:
        os._exit(event["exit"])
    time.sleep(event.get("sleep", 0))
    told = {"pid": os.getpid(), "key": os.environ["AWS_ACCESS_KEY_ID"], "name": context.function_name}
    return event.get("return", told)
"""
"""A function that does what its event tells it, or what the test tells it through a socket if a queue invokes it."""

BUCKET, GROUP, TABLE = "files", "/jobs", "table"

ANYTHING = ("s3:*", "logs:*", "dynamodb:*", "states:*", "lambda:*", "emr-serverless:*", "iam:PassRole", "events:*")


@dataclass(frozen=True)
class Function:
    """A function in the local AWS."""

    aws: LocalAws
    name: str

    def call(self, **event: object) -> tuple[Any, str | None]:
        """Invoke the function, and return its answer and its error, if any."""
        answer = self.aws.client("lambda").invoke(FunctionName=self.name, Payload=json.dumps(event))
        assert answer["StatusCode"] == 200
        return json.load(answer["Payload"]), answer.get("FunctionError")

    def log(self) -> list[str]:
        """Return the messages in its log group."""
        events = self.aws.client("logs").filter_log_events(logGroupName=self.name)["events"]
        return [event["message"] for event in events]


@dataclass(frozen=True)
class Cloud:
    """The local AWS.

    Attributes
    ----------
    aws
        Clients of this process, which act as the administrator.
    folder
        Scratch folder of the local AWS.
    ready, orders
        Pipes: a job writes into the first when it runs, and executes what it reads from the second.
    """

    aws: LocalAws
    process: "subprocess.Popen[str]"
    folder: Path
    ready: Path
    orders: Path

    def tell(self, order: str) -> None:
        """Wait until a job asks for an order, and give it."""
        ready = os.open(self.ready, os.O_RDONLY | os.O_NONBLOCK)  # opening does not wait for a writer
        until(lambda: _read(ready))
        os.close(ready)
        self.orders.write_text(f"{order}\n")

    def role(self, *actions: str, service: str = "lambda.amazonaws.com") -> str:
        """Create a role that trusts a service, and return its ARN."""
        name, iam = f"role-{uuid4().hex}", self.aws.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
        if actions:
            allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(allowed))
        return str(made["Role"]["Arn"])

    def job_role(self, *actions: str) -> str:
        """Create a role for jobs, which may do anything by default."""
        return self.role(*(actions or ANYTHING), service="emr-serverless.amazonaws.com")

    def application(self, **settings: Any) -> str:  # noqa: ANN401 -- of boto3
        """Create an application for the processor of this machine, and return its id."""
        logs = {"cloudWatchLoggingConfiguration": {"enabled": True, "logGroupName": GROUP}}
        defaults = {
            "architecture": MACHINES[os.uname().machine],
            "schedulerConfiguration": {"maxConcurrentRuns": 1, "queueTimeoutMinutes": 60},
            "monitoringConfiguration": logs,
        }
        emr = self.aws.client("emr-serverless")
        made = emr.create_application(name="app", releaseLabel="emr-spark-8.1.0", type="SPARK", **defaults | settings)
        return str(made["applicationId"])

    def put_script(self, script: str = SCRIPT) -> str:
        """Upload the main file of a job, and return its URL."""
        key = f"{uuid4().hex}.sh"
        body = script.replace("$READY", str(self.ready)).replace("$ORDERS", str(self.orders)).encode()
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def function(self, role: str, code: str = OBEDIENT, **properties: object) -> Function:
        """Create a function with a log group of the same name."""
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w") as archive:
            archive.writestr("handler.py", code)
        return self.function_of(bundle.getvalue(), role, **{"Handler": "handler.handler"} | properties)

    def function_of(self, bundle: bytes, role: str, **properties: object) -> Function:
        """Create a function from a bundle."""
        name, key = f"function-{uuid4().hex}", f"{uuid4().hex}.zip"
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=bundle)
        self.aws.client("logs").create_log_group(logGroupName=name)
        known = {"Runtime": PYTHON, "LoggingConfig": {"LogGroup": name}, "Code": {"S3Bucket": BUCKET, "S3Key": key}}
        self.aws.client("lambda").create_function(FunctionName=name, Role=role, **known | properties)
        return Function(self.aws, name)

    def queue(self, **attributes: str) -> str:
        """Create a queue that invokes no function, and return its URL."""
        name = f"queue-{uuid4().hex}"
        return str(self.aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def table(self) -> None:
        """Create a table of DynamoDB whose key is `id`."""
        self.aws.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@contextmanager
def cloud_in(folder: Path, pace: float = 60.0) -> Iterator[Cloud]:
    """Run a local AWS with a bucket and a log group; its end is the end of its standard input."""
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
            yield Cloud(aws, process, folder / "aws", *pipes)
        finally:
            process.stdin.close()
            process.wait(PATIENCE)


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 1)
    except BlockingIOError:  # a job has opened the pipe, and not written yet
        return b""


def until(look: Callable[[], Any]) -> Any:  # noqa: ANN401 -- any true value
    """Look again and again until the result is true, and return it."""
    end = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < end, "waited in vain"
        threading.Event().wait(0.02)
    return seen
