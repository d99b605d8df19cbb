"""An environment `dev` in moto, and functions that fill it and disturb it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import boto3
import pytest
from botocore.client import BaseClient
from botocore.loaders import Loader
from moto import mock_aws

from cli.cloud.environment import Deployment, connect
from contract.environments import stack_name
from contract.layout import LATEST, results_folder, run_record
from contract.summary import Latest, Summary
from contract.workflow import RunRecord, Usage

REGION = "eu-west-1"
BUCKET = "fruits-dev-data"

TEMPLATE = {
    "Resources": {
        "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
        "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "events"}},
        "D": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}},
        "T": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "coordination",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
        "S": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": "fruits-dev",
                "RoleArn": "arn:aws:iam::123456789012:role/workflow",
                "DefinitionString": "{}",
            },
        },
        "SparkLogsB1435B6D": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "jobs"}},
        "IntakeStartRunLogsB04483DD": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "start-run"}},
        "RecordingRecordRunLogs5C508216": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "record-run"}},
        "WorkflowLogs8B0907C7": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "workflow"}},
        "MonitoringAlarms66989066": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alarms"}},
    },
    "Outputs": {
        "Bucket": {"Value": {"Ref": "B"}},
        "Queue": {"Value": {"Ref": "Q"}},
        "DeadLetters": {"Value": {"Ref": "D"}},
        "CoordinationTable": {"Value": {"Ref": "T"}},
        "StateMachine": {"Value": {"Ref": "S"}},
        "Application": {"Value": "00application"},
        "Database": {"Value": "fruits_dev"},
    },
}


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore the settings and the credentials of this machine, and send every request once."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("FRUITS_ENV", raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture(scope="session")
def descriptions() -> Loader:
    """Read the descriptions of AWS's services once, instead of once per command."""
    return Loader()


@pytest.fixture(autouse=True)
def _shared_descriptions(descriptions: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.create_loader", lambda _: descriptions)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start an AWS in which nothing is deployed. It exists in this process, for boto3 only."""
    monkeypatch.setattr("cli.cloud.sender.LARGEST_SMALL_FILE", -1)
    with mock_aws():
        yield


@pytest.fixture
def deployment(aws: None) -> Deployment:  # noqa: ARG001 -- the fixture starts AWS
    """Deploy the environment `dev`, and connect to it."""
    stacks = boto3.client("cloudformation", region_name=REGION)
    stacks.create_stack(StackName=stack_name("dev"), TemplateBody=json.dumps(TEMPLATE))
    return connect("dev")


@pytest.fixture
def put(deployment: Deployment) -> Callable[[str, bytes], None]:
    """Return a function that puts an object in the bucket."""
    return lambda key, body: deployment.s3.put_object(Bucket=BUCKET, Key=key, Body=body) and None


@pytest.fixture
def objects(deployment: Deployment) -> Callable[[], dict[str, bytes]]:
    """Return a function that reads all objects of the bucket."""

    def read() -> dict[str, bytes]:
        listed = deployment.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        keys = [found["Key"] for found in listed]
        return {key: deployment.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    return read


@pytest.fixture
def record() -> RunRecord:
    """Return the record of a successful run."""
    return RunRecord(
        run_id="20261120T121530Z-3fa94c",
        mode="update",
        execution="arn:aws:states:eu-west-1:123456789012:execution:fruits-dev:update-1",
        round=1,
        attempt=1,
        job_run_id="00job",
        state="SUCCESS",
        reason=None,
        started_at="2026-11-20T12:15:40+00:00",
        finished_at="2026-11-20T12:29:02+00:00",
        seconds=802.4,
        billed=Usage(vcpu_hours=3.0, memory_gb_hours=12.0, storage_gb_hours=0.0),
        cost_usd=0.1875,
        links={"execution": "https://console.aws.example/execution"},
    )


@pytest.fixture
def publish(put: Callable[[str, bytes], None]) -> Callable[..., None]:
    """Return a function that publishes the record, the summary and the report of a run."""

    def publish_it(run_id: str, record: RunRecord | None = None, summary: Summary | None = None) -> None:
        if record:
            put(run_record(run_id), replace(record, run_id=run_id).to_json().encode())
        if summary:
            folder = results_folder(run_id)
            put(f"{folder}summary.json", replace(summary, run_id=run_id).to_json().encode())
            put(f"{folder}report.html", b"<html></html>")
            latest = Latest(run_id=run_id, results=folder, finished_at=summary.finished_at)
            put(LATEST, latest.to_json().encode())

    return publish_it


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[dict[str, object]], None]], None]:
    """Return a function that sets an action before every request of an operation, in the thread of the request."""
    request = BaseClient._make_api_call  # noqa: SLF001 -- all requests of all clients pass through it

    def intercept(operation: str, action: Callable[[dict[str, object]], None]) -> None:
        def intercepted(client: BaseClient, name: str, parameters: dict[str, object]) -> object:
            if name == operation:
                action(parameters)
            return request(client, name, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", intercepted)

    return intercept
