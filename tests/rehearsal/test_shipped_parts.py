"""The functions, the state machine and the job of the stack in a local AWS, without CloudFormation and without Spark.

The job is a shell script that does what the test tells it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from cdk.packaging import build
from cdk.settings import ENVIRONMENTS
from cdk.stateless.assets import PublishedFile
from cdk.stateless.spark import Program, spark_submit_parameters
from cdk.stateless.workflow_definition import JobSettings, WorkflowSettings, workflow_definition
from contract.coordination import (
    COORDINATION,
    GENERATION,
    HOLDER,
    KEY,
    PENDING,
    PROCESSED,
    RUN,
    TAKEN_AT,
    TERM,
    WAITING,
)
from contract.environments import DeployedVersion
from contract.functions import NAMESPACE_VARIABLE, RecordRunVariables, StartRunVariables, metrics_namespace
from contract.job import MISTAKE, Fence, JobFailure
from contract.layout import FENCE, INBOX, LATEST, job_failure, results_folder, run_record
from contract.prices import Prices
from contract.summary import Latest
from contract.workflow import RunRecord, RunRequest
from localaws.account import ACCOUNT, REGION
from localaws.spark_submit import S3Url, Size, Submission
from tests.localaws.cloud import ANYTHING, BUCKET, TABLE, Cloud, cloud_in, until
from tests.localaws.machine import Machine
from tests.shipped import SHIPPED

EARLIER = "20200101T000000Z-00000000"

PACE = 120.0
"""A wait of a minute in AWS lasts half a second."""

VERSION = DeployedVersion(revision="0123456789ab", model="seeded 0123456789ab")

SIZES = "--conf spark.driver.cores=1 --conf spark.driver.memory=2g --conf spark.driver.memoryOverhead=2g"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a local AWS with a coordination table."""
    with cloud_in(tmp_path_factory.mktemp("parts"), PACE) as cloud:
        cloud.table()
        yield cloud


class Pipeline(Machine):
    """The state machine of the stack, whose jobs are scripts."""

    def __init__(self, cloud: Cloud) -> None:
        self.application, self.job_role = cloud.application(), cloud.job_role()
        job = JobSettings(
            application_id=self.application,
            role_arn=self.job_role,
            entry_point=cloud.put_script(),
            arguments=("--images", "s3://files/images"),
            spark_submit_parameters=SIZES,
            timeout_minutes=5,
            queue_minutes=5,
        )
        settings = WorkflowSettings(
            table_name=TABLE,
            bucket_name=BUCKET,
            record_run_arn=_record_run(cloud, self.application),
            job=job,
            attempts=2,
            turn_seconds=60,
            gather_seconds=60,
            version=VERSION,
        )
        super().__init__(cloud, workflow_definition(settings))
        self.put_item()

    def put_item(self, **item: Any) -> None:  # noqa: ANN401 -- of DynamoDB
        """Replace the coordination item; by default, no execution holds the lease."""
        dynamodb = self.cloud.aws.client("dynamodb")
        dynamodb.put_item(TableName=TABLE, Item={KEY: {"S": COORDINATION}, **item})

    def notice(self) -> None:
        """Count a notice, as `start_run` does."""
        self.cloud.aws.client("dynamodb").update_item(
            TableName=TABLE,
            Key={KEY: {"S": COORDINATION}},
            UpdateExpression=f"ADD {GENERATION} :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    def item(self) -> dict[str, str]:
        """Return the coordination item without its key."""
        found = self.cloud.aws.client("dynamodb").get_item(TableName=TABLE, Key={KEY: {"S": COORDINATION}})["Item"]
        return {name: next(iter(value.values())) for name, value in found.items() if name != KEY}

    def fence(self) -> Fence:
        """Return what the state machine has written to the fence."""
        answer = self.cloud.aws.client("s3").get_object(Bucket=BUCKET, Key=FENCE)
        return Fence.from_json(answer["Body"].read())

    def jobs(self) -> list[dict[str, Any]]:
        """Return the job runs, the first one first."""
        emr = self.cloud.aws.client("emr-serverless")
        listed = emr.list_job_runs(applicationId=self.application)["jobRuns"]
        return [emr.get_job_run(applicationId=self.application, jobRunId=run["id"])["jobRun"] for run in listed]

    def record(self, run_id: str) -> RunRecord:
        """Return the record that `record_run` has written."""
        answer = self.cloud.aws.client("s3").get_object(Bucket=BUCKET, Key=run_record(run_id))
        return RunRecord.from_json(answer["Body"].read())


def _record_run(cloud: Cloud, application: str) -> str:
    """Deploy the bundle of `record_run`, and return the ARN of the function."""
    latest = Latest(run_id=EARLIER, results=results_folder(EARLIER), finished_at="")
    cloud.aws.client("s3").put_object(Bucket=BUCKET, Key=LATEST, Body=latest.to_json())
    prices = Prices(vcpu_hour=1.0, gb_hour=1.0, storage_gb_hour=1.0)
    known = RecordRunVariables(bucket=BUCKET, application_id=application, prices=prices)
    variables = {NAMESPACE_VARIABLE: metrics_namespace("test"), **known.to_environment()}
    function = cloud.function_of(
        build(SHIPPED.record_run).read_bytes(),
        cloud.role(*ANYTHING),
        Handler="lambdas.record_run.handler.handler",
        Environment={"Variables": variables},
    )
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}"


@pytest.fixture(scope="module")
def _pipeline(cloud: Cloud) -> Pipeline:
    return Pipeline(cloud)


@pytest.fixture
def pipeline(_pipeline: Pipeline) -> Pipeline:
    """Return the state machine of the stack; no execution holds the lease."""
    _pipeline.put_item()
    return _pipeline


def test_a_run_goes_from_the_lease_to_the_record(cloud: Cloud, pipeline: Pipeline) -> None:
    """The job gets its mode and an id that begins with the time; the record has its cost."""
    before = pipeline.count("ExecutionsSucceeded")
    execution = pipeline.start(mode="update")
    cloud.tell("true")
    assert pipeline.end(execution)["status"] == "SUCCEEDED"
    assert pipeline.entered(execution) == [
        *("CheckRequest", "Begin", "Acquire", "NameRun", "PlanRound", "HowManyExecutors", "OneExecutor"),
        *("ConfirmLease", "WriteFence", "RunJob", "RecordRun", "WhatToNote", "NoteProcessed", "Release", "Done"),
    ]
    job = pipeline.jobs()[-1]
    run_id = job["name"]
    arguments = job["jobDriver"]["sparkSubmit"]["entryPointArguments"]
    assert arguments == ["--mode", "update", "--run-id", run_id, "--fenced", "--images", "s3://files/images"]
    assert pipeline.fence() == Fence(run_id=run_id)
    record = pipeline.record(run_id)
    assert (record.job_run_id, record.state, record.execution) == (job["jobRunId"], "SUCCESS", execution)
    assert record.version == VERSION
    assert record.cost_usd == pytest.approx(5 / 60 + 19.4 / 60, abs=0.01)
    assert run_id.startswith(job["createdAt"].strftime("%Y%m%dT%H"))
    item = pipeline.item()
    taken_at = datetime.fromisoformat(item.pop(TAKEN_AT))
    assert abs(taken_at - job["createdAt"]) < timedelta(minutes=1)
    assert item == {GENERATION: "0", PROCESSED: "0", TERM: "1", PENDING: "0", RUN: run_id}
    until(lambda: pipeline.count("ExecutionsSucceeded") == before + 1)


def test_a_job_that_fails_is_retried_and_then_the_execution_fails(cloud: Cloud, pipeline: Pipeline) -> None:
    """The last job run is the cause; each attempt is recorded with its reason, and the lease is released."""
    execution = pipeline.start(mode="update")
    for _ in range(2):
        cloud.tell("echo 'fruits: no' >&2; exit 1")
    end = pipeline.end(execution)
    first, second = pipeline.jobs()[-2:]
    assert (end["status"], end["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(end["cause"])
    assert (cause["JobRunId"], cause["State"]) == (second["jobRunId"], "FAILED")
    assert cause["JobDriver"]["SparkSubmit"]["EntryPointArguments"][:2] == ["--mode", "update"]
    for attempt, job in enumerate((first, second), 1):
        record = pipeline.record(job["name"])
        assert (record.attempt, record.state, record.job_run_id) == (attempt, "FAILED", job["jobRunId"])
        assert "fruits: no" in record.reason
    assert HOLDER not in pipeline.item()


def test_notices_that_arrive_during_a_run_cause_another_round(cloud: Cloud, pipeline: Pipeline) -> None:
    """The same execution runs the job again, as the generation has changed."""
    execution = pipeline.start(mode="reconcile")
    pipeline.wait_for(execution, "RunJob")
    pipeline.notice()
    for _ in range(2):
        cloud.tell("true")
    assert pipeline.end(execution)["status"] == "SUCCEEDED"
    assert pipeline.entered(execution).count("RunJob") == 2
    assert "Gather" in pipeline.entered(execution)
    item = pipeline.item()
    assert (item[GENERATION], item[PROCESSED], item[TERM]) == ("1", "1", "2")


def test_an_update_by_an_upload_waits_until_it_is_due(cloud: Cloud, pipeline: Pipeline) -> None:
    """It is needless if another execution has taken the lease since the notices were counted."""
    pipeline.put_item(**{TERM: {"N": "3"}, GENERATION: {"N": "5"}, PROCESSED: {"N": "4"}})
    due = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    needless = pipeline.start(**RunRequest(not_before=due, seen=2).to_document())
    assert pipeline.end(needless)["status"] == "SUCCEEDED"
    assert pipeline.entered(needless) == [
        *("CheckRequest", "WaitUntilDue", "BeginGathered", "Acquire", "ReadHolder", "IsHeld", "Joined")
    ]
    needed = pipeline.start(**RunRequest(not_before=due, seen=3).to_document())
    cloud.tell("true")
    assert pipeline.end(needed)["status"] == "SUCCEEDED"
    assert pipeline.item()[PROCESSED] == "5"


def test_a_failure_that_is_final_is_not_tried_again(cloud: Cloud, pipeline: Pipeline) -> None:
    """The job tells `record_run` by its report, whose reason is that of the record."""
    execution = pipeline.start(mode="update")
    pipeline.wait_for(execution, "RunJob")
    run_id = pipeline.fence().run_id
    failure = JobFailure(run_id=run_id, exit_code=MISTAKE, reason="The tables are of another model.")
    cloud.aws.client("s3").put_object(Bucket=BUCKET, Key=job_failure(run_id), Body=failure.to_json().encode())
    cloud.tell("exit 2")
    assert pipeline.end(execution)["status"] == "FAILED"
    assert pipeline.entered(execution).count("RunJob") == 1
    assert pipeline.record(run_id).reason == failure.reason


def test_another_execution_joins_or_waits_for_the_lease(cloud: Cloud, pipeline: Pipeline) -> None:
    """An update joins the holder; a reprocess waits until the holder hands the lease over."""
    holder = pipeline.start(mode="update")
    pipeline.wait_for(holder, "RunJob")
    joined = pipeline.start(mode="update")
    assert pipeline.end(joined)["status"] == "SUCCEEDED"
    assert pipeline.entered(joined)[-3:] == ["DescribeHolder", "HolderRuns", "Joined"]
    assert pipeline.entered(joined).count("DescribeHolder") == 2
    waiting = pipeline.start(mode="reprocess")
    pipeline.wait_for(waiting, "WaitForTurn")
    assert pipeline.item()[WAITING] == waiting
    for _ in range(2):
        cloud.tell("true")
    assert pipeline.end(holder)["status"] == "SUCCEEDED"
    assert "HandOver" in pipeline.entered(holder)
    assert pipeline.end(waiting)["status"] == "SUCCEEDED"


def test_a_stopped_execution_cancels_its_job_and_the_next_one_takes_the_lease(cloud: Cloud, pipeline: Pipeline) -> None:
    """It is ABORTED at once; the next execution also takes the lease of a holder that AWS no longer knows."""
    before = pipeline.count("ExecutionsAborted")
    execution = pipeline.start(mode="update")
    until(lambda: pipeline.jobs() and pipeline.jobs()[-1]["state"] == "RUNNING")
    pipeline.stop(execution)
    assert pipeline.describe(execution)["status"] == "ABORTED"
    until(lambda: pipeline.jobs()[-1]["state"] == "CANCELLED")
    until(lambda: pipeline.count("ExecutionsAborted") == before + 1)
    for forgotten in (None, f"{execution}-of-last-year"):
        if forgotten:
            pipeline.put_item(**{HOLDER: {"S": forgotten}, GENERATION: {"N": "0"}, PROCESSED: {"N": "0"}})
        following = pipeline.start(mode="update")
        cloud.tell("true")
        assert pipeline.end(following)["status"] == "SUCCEEDED"
        assert "TakeOver" in pipeline.entered(following)


def test_start_run_writes_a_notice_and_starts_an_execution(cloud: Cloud) -> None:
    """The bundle runs as it is shipped; without a state machine, it fails after the notice."""
    role = cloud.role("logs:*", "s3:PutObject", "dynamodb:*", "states:StartExecution")
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:none"
    known = StartRunVariables(bucket=BUCKET, coordination_table=TABLE, state_machine=machine, gather_minutes=1)
    start_run = cloud.function_of(
        build(SHIPPED.start_run).read_bytes(),
        role,
        Handler="lambdas.start_run.handler.handler",
        Timeout=30,
        Environment={"Variables": {NAMESPACE_VARIABLE: "Tests", **known.to_environment()}},
    )
    error, failed = start_run.call(Records=[_message_of("images/Apple/1.jpg")])
    assert (failed, error["errorType"]) == ("Unhandled", "StateMachineDoesNotExist")
    (notice,) = cloud.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=INBOX)["Contents"]
    assert notice["Size"] > 0


def _message_of(key: str) -> dict[str, Any]:
    entity = {"key": key, "size": 1, "eTag": "0" * 32, "sequencer": "01"}
    event = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": BUCKET}, "object": entity},
    }
    return {
        "messageId": str(uuid4()),
        "eventSource": "aws:sqs",
        "body": json.dumps({"Records": [event]}),
        "attributes": {"SentTimestamp": "1767225600000"},
    }


def test_the_local_aws_reads_the_job_of_the_stack() -> None:
    """It knows every parameter: the files, the archives with their names, the environment and the sizes."""
    settings = ENVIRONMENTS["dev"]
    program = Program(
        entry_point=PublishedFile("assets", "main.py"),
        application=PublishedFile("assets", "app.zip"),
        environment=PublishedFile("assets", "worker.tgz"),
        model=PublishedFile("assets", "model.tgz"),
        jars=(PublishedFile("assets", "one.jar"), PublishedFile("assets", "two.jar")),
    )
    driver = {
        "entryPoint": program.entry_point.url,
        "sparkSubmitParameters": spark_submit_parameters(settings, program),
    }
    submission = Submission.parse({"sparkSubmit": driver})
    files = ("main.py", "app.zip", "one.jar", "two.jar", "worker.tgz", "model.tgz")
    assert [url.key for url in submission.files] == list(files)
    assert submission.archives == {"environment": S3Url("assets", "worker.tgz"), "model": S3Url("assets", "model.tgz")}
    assert submission.environment["PYSPARK_PYTHON"] == "./environment/bin/python"
    assert submission.environment["AWS_REGION"] == settings.region
    workers = (settings.capacity.driver, settings.capacity.executor)
    assert submission.size == Size(sum(one.vcpus for one in workers), sum(one.memory_gb for one in workers))
