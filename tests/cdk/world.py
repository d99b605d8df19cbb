"""A simulated cloud around the real handler and state machine. A test determines the order of events and faults."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from cdk.stateless.workflow_definition import (
    INITIAL_EXECUTORS,
    InitialExecutors,
    JobSettings,
    WorkflowSettings,
    workflow_definition,
)
from contract.coordination import COORDINATION
from contract.environments import DeployedVersion
from contract.job import Fence, JobOption
from contract.layout import FENCE, INBOX
from contract.notices import Notice
from contract.runs import Mode
from contract.workflow import RecordAnswer, RecordRequest, RunRequest
from lambdas.start_run.handler import metrics, respond
from lambdas.start_run.intake import Intake
from tests.cdk.stepper import STATE_MACHINE, Execution, Stepper, TaskError
from tests.cdk.table import Bucket, Table

ATTEMPTS = 2

GATHER = timedelta(minutes=15)

SETTINGS = WorkflowSettings(
    table_name="coordination",
    bucket_name="bucket",
    record_run_arn="arn:aws:lambda:eu-west-1:123456789012:function:record_run",
    job=JobSettings(
        application_id="application",
        role_arn="arn:aws:iam::123456789012:role/job",
        entry_point="s3://assets/main.py",
        arguments=("--images", "s3://bucket/images", "--output", "s3://bucket"),
        spark_submit_parameters="--conf spark.executor.cores=4",
        timeout_minutes=60,
        queue_minutes=30,
        executors=InitialExecutors(some=3, every=10, notices_each=100),
    ),
    attempts=ATTEMPTS,
    turn_seconds=180,
    gather_seconds=900,
    version=DeployedVersion(revision="0123456789ab", model="seeded 0123456789ab"),
)


@dataclass
class Job:
    """A job run of EMR Serverless."""

    token: str
    mode: str
    run_id: str
    execution: str
    """Name of the execution that started it."""
    executors: int
    """Number of executors that it begins with."""
    fenced: bool
    """Whether it fails before it writes if the fence names another run."""
    state: str = "QUEUED"
    read: list[str] = field(default_factory=list)
    """Notice files that the job run processes."""
    cancelling: bool = False
    """Whether the job run was cancelled but may still be running."""
    final: bool = False
    """Whether the job has reported that another attempt would fail, too."""
    application: int = 0
    """Number of the application that executes it."""


@dataclass
class World:
    """A bucket, a queue, a table, a state machine, and applications that execute one job run at a time each."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    s3: Bucket = field(default_factory=Bucket)
    dynamodb: Table = field(default_factory=Table)
    uploaded: int = 0
    processed: set[str] = field(default_factory=set)
    """Keys of images that a successful run has processed."""
    definition: dict[str, Any] | None = None
    applications: dict[str, int] = field(default_factory=dict)
    """Executions → numbers of the applications that their definitions name."""
    application: int = 0
    """Number of the application for later executions: each deployment that replaces the application adds one."""

    def __post_init__(self) -> None:
        self.intake = Intake(self.s3, self.dynamodb, self, "bucket", "coordination", STATE_MACHINE, GATHER)  # type: ignore[arg-type] # they have what the intake calls
        self.definition = self.definition or workflow_definition(SETTINGS)
        self.stepper = Stepper(self.definition, self._task)

    def copy(self) -> "World":
        """Return a world in the same state, which goes its own way."""
        return World(
            messages=[*self.messages],
            executions={name: execution.copy() for name, execution in self.executions.items()},
            jobs={token: copy.copy(job) for token, job in self.jobs.items()},
            s3=self.s3.copy(),
            dynamodb=self.dynamodb.copy(),
            uploaded=self.uploaded,
            processed={*self.processed},
            definition=self.definition,
            applications=self.applications.copy(),
            application=self.application,
        )

    # Users and S3.

    def upload(self, count: int) -> None:
        """Upload images; the queue gets a message for each of them."""
        for number in range(self.uploaded, self.uploaded + count):
            self.messages.append(_message(f"images/Apple/{number}.jpg", number))
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

    # Step Functions.

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002 -- boto3's names
        """Start an execution. As in the cloud, a name can be used once."""
        assert stateMachineArn == STATE_MACHINE
        assert len(name) <= 80
        if name in self.executions:
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists", "Message": name}}, "StartExecution")
        self.executions[name] = self.stepper.start(name, json.loads(input))
        self.applications[name] = self.application

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
            if job.execution == execution.name:
                job.cancelling = True
                if not job_goes_on or job.state == "QUEUED":
                    job.state = "CANCELLED"

    def redrive(self, execution: Execution) -> None:
        """Let a stopped execution continue at the state in which it was stopped."""
        assert execution.status == "ABORTED"
        execution.status, execution.retries = "RUNNING", 0

    def _task(self, execution: Execution, resource: str, parameters: Any) -> Any:  # noqa: ANN401 -- JSON
        return TASKS[resource.removeprefix("arn:aws:states:::")](self, execution, parameters)

    def _update_item(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        return self._of_table(self.dynamodb.update_item, parameters)

    def _get_item(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        return self._of_table(self.dynamodb.get_item, parameters)

    def _of_table(self, operation: Callable[..., Any], parameters: Any) -> Any:  # noqa: ANN401
        try:
            return operation(**parameters)
        except ClientError as error:
            raise TaskError(f"DynamoDB.{error.response['Error']['Code']}", str(error)) from error

    def _put_object(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        """Write an object. As in the cloud, the body becomes JSON, whatever it is."""
        self.s3.put_object(**parameters | {"Body": json.dumps(parameters["Body"]).encode()})
        return {}

    def _describe(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        name = parameters["ExecutionArn"].rpartition(":")[2]
        if name not in self.executions:
            raise TaskError("Sfn.ExecutionDoesNotExistException")
        return {"Status": self.executions[name].status}

    def _start(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        try:
            self.start_execution(parameters["StateMachineArn"], parameters["Name"], json.dumps(parameters["Input"]))
        except ClientError as error:
            raise TaskError("StepFunctions.ExecutionAlreadyExistsException", str(error)) from error
        return {}

    def _record(self, _: Execution, parameters: Any) -> Any:  # noqa: ANN401
        request = RecordRequest.from_event(parameters["Payload"])
        job = next((job for job in self.jobs.values() if job.run_id == request.run_id), None)
        return {"Payload": RecordAnswer(final=bool(job and job.final)).to_document()}

    # EMR Serverless.

    def _run_job(self, execution: Execution, parameters: Any) -> Any:  # noqa: ANN401
        """Start a job run or return its state. A token starts one job run, however often the request is sent."""
        token = parameters["ClientToken"]
        if token not in self.jobs:
            self.jobs[token] = self._job(execution, token, parameters["JobDriver"]["SparkSubmit"])
        job = self.jobs[token]
        assert job.execution == execution.name, "a token of another execution"
        if job.state == "SUCCESS":
            return {"JobRunId": token}
        if job.state in {"FAILED", "CANCELLED"}:
            raise TaskError("States.TaskFailed", json.dumps({"JobRunId": token}))
        return None

    def _job(self, execution: Execution, token: str, submitted: Any) -> Job:  # noqa: ANN401 -- JSON
        arguments = submitted["EntryPointArguments"]
        mode, run_id = (arguments[arguments.index(option) + 1] for option in (JobOption.MODE, JobOption.RUN_ID))
        fenced = JobOption.FENCED in arguments
        options = dict(option.split("=") for option in submitted["SparkSubmitParameters"].split() if "=" in option)
        assert options["spark.executor.cores"] == "4"
        executors, application = int(options[INITIAL_EXECUTORS]), self.applications[execution.name]
        return Job(token, mode, run_id, execution.name, executors, fenced, application=application)

    @property
    def active_jobs(self) -> list[Job]:
        """Job runs that have not ended."""
        return [job for job in self.jobs.values() if job.state in {"QUEUED", "RUNNING"}]

    @property
    def first_jobs(self) -> list[Job]:
        """The oldest job run of each application that has not ended: the only one that runs, or may begin."""
        return list({job.application: job for job in reversed(self.active_jobs)}.values())[::-1]

    def begin_job(self, token: str = "") -> None:
        """Start the oldest queued job run of each application that runs none, or only one. It reads the inbox."""
        for job in self.first_jobs:
            if job.state == "QUEUED" and token in {"", job.token}:
                job.state = "RUNNING"
                job.read = [] if job.mode == Mode.MAINTAIN else self.inbox()

    def end_job(self, token: str = "", *, good: bool, final: bool = False) -> None:
        """End the running job runs, or one. Those that succeed have processed what they read of the inbox."""
        for job in self.active_jobs:
            if job.state == "RUNNING" and token in {"", job.token}:
                succeeds = good and self.may_write(job)
                job.state, job.final = "SUCCESS" if succeeds else "FAILED", final
                if succeeds:
                    for key in job.read:
                        self._work_through(key)

    def cancel_late(self) -> None:
        """Complete the cancellations."""
        for job in self.active_jobs:
            if job.cancelling:
                job.state = "CANCELLED"

    def may_write(self, job: Job) -> bool:
        """Whether the job run would write, instead of failing because the fence names another run."""
        return not job.fenced or self.fence() == job.run_id

    def fence(self) -> str | None:
        """Return the run that the fence names."""
        found = self.s3.objects.get(FENCE)
        return None if found is None else Fence.from_json(found).run_id

    def _work_through(self, key: str) -> None:
        body = self.s3.objects.pop(key, b"")
        self.processed.update(Notice.from_json(line).key for line in body.splitlines())

    def inbox(self) -> list[str]:
        """Return the notice files in the inbox."""
        return sorted(key for key in self.s3.objects if key.startswith(INBOX))

    # All parts together.

    def item(self) -> dict[str, Any]:
        """Read the coordination item."""
        return self.dynamodb.items.get(COORDINATION, {})

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


def _message(key: str, number: int) -> dict[str, Any]:
    subject = {"key": key, "size": 1, "eTag": "e", "sequencer": f"{number:016X}"}
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "bucket"}, "object": subject},
    }
    return {
        "messageId": key,
        "receiptHandle": key,
        "body": json.dumps({"Records": [record]}),
        "attributes": {"SentTimestamp": "1795176000000"},
        "eventSource": "aws:sqs",
    }


TASKS: dict[str, Callable[[World, Execution, Any], Any]] = {
    "dynamodb:updateItem": World._update_item,  # noqa: SLF001 -- this module's
    "dynamodb:getItem": World._get_item,  # noqa: SLF001 -- this module's
    "aws-sdk:s3:putObject": World._put_object,  # noqa: SLF001 -- this module's
    "aws-sdk:sfn:describeExecution": World._describe,  # noqa: SLF001 -- this module's
    "states:startExecution": World._start,  # noqa: SLF001 -- this module's
    "lambda:invoke": World._record,  # noqa: SLF001 -- this module's
    "emr-serverless:startJobRun.sync": World._run_job,  # noqa: SLF001 -- this module's
}
