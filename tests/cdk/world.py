"""A simulated cloud around the real handler, table and state machine. A test determines the order of events."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import boto3
from botocore.exceptions import ClientError

from cdk.stateless.workflow_definition import JobSettings, WorkflowSettings, workflow_definition
from contract.coordination import COORDINATION, KEY
from contract.layout import INBOX
from contract.notices import Notice
from contract.runs import Mode
from contract.workflow import RecordRequest, RunRequest
from lambdas.start_run.handler import metrics, respond
from lambdas.start_run.intake import Intake
from tests.cdk.stepper import STATE_MACHINE, Execution, Stepper, TaskError

ATTEMPTS = 2

SETTINGS = WorkflowSettings(
    table_name="coordination",
    record_run_arn="arn:aws:lambda:eu-west-1:123456789012:function:record_run",
    job=JobSettings(
        application_id="application",
        role_arn="arn:aws:iam::123456789012:role/job",
        entry_point="s3://assets/main.py",
        arguments=("--images", "s3://bucket/images", "--output", "s3://bucket"),
        spark_submit_parameters="--conf spark.executor.cores=4",
        timeout_minutes=60,
        queue_minutes=30,
    ),
    attempts=ATTEMPTS,
    turn_seconds=180,
)


@dataclass
class Job:
    """A job run of EMR Serverless."""

    token: str
    mode: str
    run_id: str
    execution: Execution
    state: str = "QUEUED"
    read: list[str] = field(default_factory=list)
    """Notice files that the job run processes."""
    cancelling: bool = False
    """Whether the job run was cancelled but may still be running."""


@dataclass
class World:
    """A bucket, a queue, a table, a state machine, and an application that executes one job run at a time."""

    bucket: str = field(default_factory=lambda: f"bucket-{secrets.token_hex(4)}")
    messages: list[dict[str, Any]] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    uploaded: int = 0
    processed: set[str] = field(default_factory=set)
    """Keys of images that a successful run has processed."""

    def __post_init__(self) -> None:
        self.s3, self.dynamodb = boto3.client("s3"), boto3.client("dynamodb")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.table = f"table-{secrets.token_hex(4)}"
        self.dynamodb.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.intake = Intake(self.s3, self.dynamodb, self, self.bucket, self.table, STATE_MACHINE)  # type: ignore[arg-type] # the intake calls only start_execution
        self.stepper = Stepper(workflow_definition(SETTINGS), self._task)

    # Users and S3.

    def upload(self, count: int) -> None:
        """Upload images; the queue gets a message for each of them."""
        for number in range(self.uploaded, self.uploaded + count):
            self.messages.append(self._message(f"images/Apple/{number}.jpg"))
        self.uploaded += count

    def deliver(self, count: int, *, again: bool = False, refusing: str | None = None) -> None:
        """Deliver messages to the function. They stay in the queue if the function fails, or if `again` is set."""
        batch = self.messages[:count]
        if not batch:
            return
        with self._refusing(refusing), suppress(ClientError):
            assert respond({"Records": batch}, self.intake) == {"batchItemFailures": []}
            metrics.clear_metrics()  # as `log_metrics` does after each invocation
            if not again:
                self.messages = self.messages[count:]

    @contextmanager
    def _refusing(self, operation: str | None) -> Iterator[None]:
        owners = {"put_object": self.s3, "start_execution": self}
        if operation is None:
            yield
            return
        refusal = ClientError({"Error": {"Code": "SlowDown", "Message": "later"}}, operation)
        with patch.object(owners.get(operation, self.dynamodb), operation, side_effect=refusal):
            yield

    def _message(self, key: str) -> dict[str, Any]:
        subject = {"key": key, "size": 1, "eTag": "e", "sequencer": f"{len(self.messages):016X}"}
        record = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self.bucket}, "object": subject},
        }
        return {
            "messageId": key,
            "receiptHandle": key,
            "body": json.dumps({"Records": [record]}),
            "attributes": {"SentTimestamp": "1795176000000"},
            "eventSource": "aws:sqs",
        }

    # Step Functions.

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002 -- boto3's names
        """Start an execution. As in the cloud, a name can be used once."""
        assert stateMachineArn == STATE_MACHINE
        assert len(name) <= 80
        if name in self.executions:
            if self.executions[name].status == "RUNNING":
                return
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists", "Message": name}}, "StartExecution")
        self.executions[name] = self.stepper.start(name, json.loads(input))

    def ask_for(self, mode: Mode) -> Execution:
        """Start an execution as a user or a schedule does."""
        name = f"{mode}-{len(self.executions)}"
        self.start_execution(STATE_MACHINE, name, RunRequest(mode=mode).to_json())
        return self.executions[name]

    @property
    def running(self) -> list[Execution]:
        """Executions that have not ended."""
        return [execution for execution in self.executions.values() if execution.status == "RUNNING"]

    def abort(self, execution: Execution, *, job_goes_on: bool) -> None:
        """Stop an execution as a user does. Its job run is cancelled, but may continue for some time."""
        execution.status = "ABORTED"
        for job in self.active_jobs:
            if job.execution is execution:
                job.cancelling = True
                if not job_goes_on or job.state == "QUEUED":
                    job.state = "CANCELLED"

    def _task(self, execution: Execution, resource: str, parameters: Any) -> Any:  # noqa: ANN401 -- JSON
        service = resource.removeprefix("arn:aws:states:::")
        return TASKS[service](self, execution, parameters)

    def _update_item(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        return self._of_table(self.dynamodb.update_item, parameters)

    def _get_item(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        return self._of_table(self.dynamodb.get_item, parameters)

    def _of_table(self, operation: Callable[..., Any], parameters: Any) -> Any:  # noqa: ANN401
        try:
            return operation(**parameters | {"TableName": self.table})
        except ClientError as error:
            raise TaskError(f"DynamoDB.{error.response['Error']['Code']}", str(error)) from error

    def _describe(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        name = parameters["ExecutionArn"].rpartition(":")[2]
        if name not in self.executions:
            raise TaskError("Sfn.ExecutionDoesNotExistException")
        return {"Status": self.executions[name].status}

    def _start(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        self.start_execution(parameters["StateMachineArn"], parameters["Name"], json.dumps(parameters["Input"]))
        return {}

    def _record(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        RecordRequest.from_event(parameters["Payload"])
        return {}

    # EMR Serverless.

    def _run_job(self, execution: Execution, parameters: Any) -> Any:  # noqa: ANN401
        """Start a job run or return its state. A token starts one job run, however often the request is sent."""
        token = parameters["ClientToken"]
        arguments = parameters["JobDriver"]["SparkSubmit"]["EntryPointArguments"]
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        job = self.jobs.setdefault(token, Job(token, options["--mode"], options["--run-id"], execution))
        assert job.execution is execution, "a token of another execution"
        if job.state == "SUCCESS":
            return {"JobRunId": token}
        if job.state in {"FAILED", "CANCELLED"}:
            raise TaskError("States.TaskFailed", json.dumps({"JobRunId": token}))
        return None

    @property
    def active_jobs(self) -> list[Job]:
        """Job runs that have not ended."""
        return [job for job in self.jobs.values() if job.state in {"QUEUED", "RUNNING"}]

    def begin_job(self) -> None:
        """Start the oldest queued job run if none is running. It reads the inbox."""
        if not any(job.state == "RUNNING" for job in self.active_jobs):
            for job in self.active_jobs[:1]:
                job.state = "RUNNING"
                job.read = [] if job.mode == Mode.MAINTAIN else self.inbox()

    def end_job(self, *, good: bool) -> None:
        """End the running job run. If it succeeds, it has processed the notices that it read, and deletes them."""
        for job in self.active_jobs:
            if job.state == "RUNNING":
                job.state = "SUCCESS" if good else "FAILED"
                if good:
                    for key in job.read:
                        self._work_through(key)

    def cancel_late(self) -> None:
        """Complete the cancellations."""
        for job in self.active_jobs:
            if job.cancelling:
                job.state = "CANCELLED"

    def _work_through(self, key: str) -> None:
        with suppress(self.s3.exceptions.NoSuchKey):
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            self.processed.update(Notice.from_json(line).key for line in body.splitlines())
            self.s3.delete_object(Bucket=self.bucket, Key=key)

    def inbox(self) -> list[str]:
        """Return the notice files in the inbox."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=INBOX).get("Contents", [])
        return [item["Key"] for item in found]

    # All parts together.

    def item(self) -> dict[str, Any]:
        """Read the coordination item."""
        found = self.dynamodb.get_item(TableName=self.table, Key={KEY: {"S": COORDINATION}}, ConsistentRead=True)
        return found.get("Item", {})

    def settle(self, *, at_most: int = 400, during_job: Callable[[], None] = lambda: None) -> None:
        """Let everything proceed, with successful job runs, until nothing is left to do."""
        for _ in range(at_most):
            if not (self.messages or self.running or self.active_jobs):
                return
            self.deliver(10_000)
            for execution in self.running:
                self.stepper.step(execution)
            self.begin_job()
            if any(job.state == "RUNNING" for job in self.active_jobs):
                during_job()
                self.cancel_late()
                self.end_job(good=True)
        states = {execution.name: execution.state for execution in self.running}
        raise AssertionError(f"there is no end after {at_most} steps: {states}, {len(self.jobs)} job runs")


TASKS: dict[str, Callable[[World, Execution, Any], Any]] = {
    "dynamodb:updateItem": World._update_item,  # noqa: SLF001 -- this module's
    "dynamodb:getItem": World._get_item,  # noqa: SLF001 -- this module's
    "aws-sdk:sfn:describeExecution": World._describe,  # noqa: SLF001 -- this module's
    "states:startExecution": World._start,  # noqa: SLF001 -- this module's
    "lambda:invoke": World._record,  # noqa: SLF001 -- this module's
    "emr-serverless:startJobRun.sync": World._run_job,  # noqa: SLF001 -- this module's
}
