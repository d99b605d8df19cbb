"""Tests of Step Functions in the local AWS: the state machine of the stack runs unchanged, as it does in AWS."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from cdk.packaging import build
from cdk.stateless.workflow_definition import JobSettings, WorkflowSettings, workflow_definition
from contract.coordination import COORDINATION, GENERATION, HOLDER, KEY, PROCESSED, WAITING
from contract.functions import NAMESPACE_VARIABLE, RecordRunVariables, metrics_namespace
from contract.layout import LATEST, run_record
from contract.prices import Prices
from contract.summary import Latest
from contract.workflow import RunRecord
from localaws.account import LocalAwsError
from localaws.definitions import INTEGRATIONS, RESOURCE, check
from localaws.integrations import RULE
from localaws.sandbox import PYTHON
from localaws.workflows import LOGGING_ACTIONS, TRACING_ACTIONS
from tests.localaws.obedient_jobs import ANYTHING, BUCKET, Cloud, cloud_in, until
from tests.shipped import SHIPPED

PACE = 120.0
"""A minute of AWS's waits is half a second."""

ENDED = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")

SIZES = "--conf spark.driver.cores=1 --conf spark.driver.memory=2g --conf spark.driver.memoryOverhead=2g"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Return a local AWS."""
    with cloud_in(tmp_path_factory.mktemp("workflows"), PACE) as cloud:
        table = {
            "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        cloud.aws.client("dynamodb").create_table(
            TableName="table", KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}], **table
        )
        yield cloud


class Machine:
    """A state machine and its executions."""

    def __init__(self, cloud: Cloud, definition: dict[str, Any], role: str | None = None) -> None:
        self.cloud = cloud
        self.sfn = cloud.aws.client("stepfunctions")
        role = role or cloud.role(*ANYTHING, service="states.amazonaws.com")
        made = self.sfn.create_state_machine(
            name=f"machine-{uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=role
        )
        self.arn = made["stateMachineArn"]

    def start(self, name: str | None = None, **request: Any) -> str:  # noqa: ANN401 -- any JSON
        """Start an execution, and return its ARN."""
        started = self.sfn.start_execution(
            stateMachineArn=self.arn, name=name or uuid4().hex, input=json.dumps(request)
        )
        return str(started["executionArn"])

    def describe(self, execution: str) -> dict[str, Any]:
        """Look at an execution."""
        return dict(self.sfn.describe_execution(executionArn=execution))

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for its end."""
        return dict(until(lambda: (found := self.describe(execution))["status"] in ENDED and found))

    def stop(self, execution: str) -> None:
        """Stop it."""
        self.sfn.stop_execution(executionArn=execution)

    def history(self, execution: str) -> list[dict[str, Any]]:
        """Return what has happened."""
        return list(self.sfn.get_execution_history(executionArn=execution)["events"])

    def entered(self, execution: str) -> list[str]:
        """Name the states that were entered."""
        details = [event.get("stateEnteredEventDetails") for event in self.history(execution)]
        return [detail["name"] for detail in details if detail]

    def errors(self, execution: str) -> list[str]:
        """Name the errors of tasks."""
        details = [event.get("taskFailedEventDetails") for event in self.history(execution)]
        return [detail["error"] for detail in details if detail]

    def wait_for(self, execution: str, state: str) -> None:
        """Wait until it has entered a state."""
        until(lambda: state in self.entered(execution))

    def count(self, metric: str) -> float:
        """Add up a figure of its executions."""
        found = self.cloud.aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/States",
            MetricName=metric,
            Dimensions=[{"Name": "StateMachineArn", "Value": self.arn}],
            StartTime="2020-01-01",
            EndTime="2100-01-01",
            Period=86400,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in found)


class Pipeline(Machine):
    """The state machine of the stack, with jobs that do what they are told."""

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
            table_name="table",
            record_run_arn=_record_run(cloud, self.application),
            job=job,
            attempts=2,
            turn_seconds=60,
        )
        super().__init__(cloud, workflow_definition(settings))
        self.put_item()

    def put_item(self, **item: Any) -> None:  # noqa: ANN401 -- of DynamoDB
        """Write the item that coordinates; nobody holds the lease unless it is said."""
        dynamodb = self.cloud.aws.client("dynamodb")
        dynamodb.put_item(TableName="table", Item={KEY: {"S": COORDINATION}, **item})

    def notice(self) -> None:
        """Count a notice, as `start_run` does."""
        self.cloud.aws.client("dynamodb").update_item(
            TableName="table",
            Key={KEY: {"S": COORDINATION}},
            UpdateExpression=f"ADD {GENERATION} :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    def item(self) -> dict[str, str]:
        """Return the item that coordinates."""
        found = self.cloud.aws.client("dynamodb").get_item(TableName="table", Key={KEY: {"S": COORDINATION}})["Item"]
        return {name: next(iter(value.values())) for name, value in found.items() if name != KEY}

    def jobs(self) -> list[dict[str, Any]]:
        """Look at the jobs, the first one first."""
        emr = self.cloud.aws.client("emr-serverless")
        listed = emr.list_job_runs(applicationId=self.application)["jobRuns"]
        return [emr.get_job_run(applicationId=self.application, jobRunId=run["id"])["jobRun"] for run in listed]

    def record(self, run_id: str) -> RunRecord:
        """Read what `record_run` has written."""
        answer = self.cloud.aws.client("s3").get_object(Bucket=BUCKET, Key=run_record(run_id))
        return RunRecord.from_json(answer["Body"].read())


def _record_run(cloud: Cloud, application: str) -> str:
    """Deploy the real function."""
    s3 = cloud.aws.client("s3")
    s3.put_object(
        Bucket=BUCKET,
        Key=LATEST,
        Body=Latest(run_id="20200101T000000Z-00000000", results="results/", finished_at="").to_json(),
    )
    s3.upload_file(str(build(SHIPPED.record_run)), BUCKET, "record_run.zip")
    name = f"record-{uuid4().hex[:8]}"
    cloud.aws.client("logs").create_log_group(logGroupName=name)
    prices = Prices(vcpu_hour=1.0, gb_hour=1.0, storage_gb_hour=1.0)
    known = RecordRunVariables(bucket=BUCKET, application_id=application, prices=prices)
    variables = {NAMESPACE_VARIABLE: metrics_namespace("test"), **known.to_environment()}
    made = cloud.aws.client("lambda").create_function(
        FunctionName=name,
        Runtime=PYTHON,
        Handler="lambdas.record_run.handler.handler",
        Role=cloud.role(*ANYTHING, service="lambda.amazonaws.com"),
        Code={"S3Bucket": BUCKET, "S3Key": "record_run.zip"},
        Environment={"Variables": variables},
        LoggingConfig={"LogGroup": name},
    )
    return str(made["FunctionArn"])


@pytest.fixture(scope="module")
def _pipeline(cloud: Cloud) -> Pipeline:
    return Pipeline(cloud)


@pytest.fixture
def pipeline(_pipeline: Pipeline) -> Pipeline:
    """Return the state machine of the stack; nobody holds the lease."""
    _pipeline.put_item()
    return _pipeline


def test_a_run_goes_from_the_lease_to_the_record(cloud: Cloud, pipeline: Pipeline) -> None:
    """The job gets its mode and an id made of the time; what it took and cost is written down."""
    before = pipeline.count("ExecutionsSucceeded")
    execution = pipeline.start(mode="update")
    cloud.tell("true")
    assert pipeline.end(execution)["status"] == "SUCCEEDED"
    assert pipeline.entered(execution) == [
        *("CheckRequest", "Begin", "Acquire", "NameRun", "PlanRound", "RunJob", "RecordRun", "WhatToNote"),
        *("NoteProcessed", "Release", "Done"),
    ]
    job = pipeline.jobs()[-1]
    run_id = job["name"]
    arguments = job["jobDriver"]["sparkSubmit"]["entryPointArguments"]
    assert arguments == ["--mode", "update", "--run-id", run_id, "--images", "s3://files/images"]
    record = pipeline.record(run_id)
    assert (record.job_run_id, record.state, record.execution) == (job["jobRunId"], "SUCCESS", execution)
    assert record.cost_usd == pytest.approx(5 / 60 + 19.4 / 60, abs=0.01)
    assert run_id.startswith(job["createdAt"].strftime("%Y%m%dT%H"))
    assert pipeline.item() == {GENERATION: "0", PROCESSED: "0"}
    until(lambda: pipeline.count("ExecutionsSucceeded") == before + 1)
    rule = cloud.aws.client("events").describe_rule(Name=RULE)
    assert "EMR Serverless Job Run State Change" in rule["EventPattern"]


def test_a_job_that_fails_is_tried_anew_and_then_the_execution_fails(cloud: Cloud, pipeline: Pipeline) -> None:
    """With the job run as its cause; each try is recorded with its reason, and the lease is free."""
    execution = pipeline.start(mode="update")
    for _ in range(2):
        cloud.tell("echo 'fruits: no' >&2; exit 1")
    end = pipeline.end(execution)
    first, second = pipeline.jobs()[-2:]
    assert (end["status"], end["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(end["cause"])
    assert (cause["JobRunId"], cause["State"]) == (second["jobRunId"], "FAILED")
    assert cause["JobDriver"]["SparkSubmit"]["EntryPointArguments"][:2] == ["--mode", "update"]
    assert set(cause["BilledResourceUtilization"]) == {"VCPUHour", "MemoryGBHour", "StorageGBHour"}
    for attempt, job in enumerate((first, second), 1):
        record = pipeline.record(job["name"])
        assert (record.attempt, record.state, record.job_run_id) == (attempt, "FAILED", job["jobRunId"])
        assert "fruits: no" in record.reason
    assert HOLDER not in pipeline.item()


def test_notices_that_come_meanwhile_are_another_round(cloud: Cloud, pipeline: Pipeline) -> None:
    """Of the same execution, which compares what it reads with the item."""
    execution = pipeline.start(mode="reconcile")
    pipeline.wait_for(execution, "RunJob")
    pipeline.notice()
    for _ in range(2):
        cloud.tell("true")
    assert pipeline.end(execution)["status"] == "SUCCEEDED"
    assert pipeline.entered(execution).count("RunJob") == 2
    assert "MoreRounds" in pipeline.entered(execution)
    assert pipeline.item() == {GENERATION: "1", PROCESSED: "1"}


def test_another_execution_joins_or_waits_its_turn(cloud: Cloud, pipeline: Pipeline) -> None:
    """It asks how the holder is, and takes the lease when that one has handed it over."""
    holder = pipeline.start(mode="update")
    pipeline.wait_for(holder, "RunJob")
    joined = pipeline.start(mode="update")
    assert pipeline.end(joined)["status"] == "SUCCEEDED"
    assert pipeline.entered(joined)[-3:] == ["DescribeHolder", "HolderRuns", "Joined"]
    waiting = pipeline.start(mode="reprocess")
    pipeline.wait_for(waiting, "WaitForTurn")
    assert pipeline.item()[WAITING] == waiting
    for _ in range(2):
        cloud.tell("true")
    assert pipeline.end(holder)["status"] == "SUCCEEDED"
    assert "HandOver" in pipeline.entered(holder)
    assert pipeline.end(waiting)["status"] == "SUCCEEDED"


def test_a_stopped_execution_ends_its_job_and_the_next_takes_over(cloud: Cloud, pipeline: Pipeline) -> None:
    """It is ABORTED at once; of a holder that AWS has forgotten the next one doesn't despair either."""
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


def test_the_same_name_starts_one_execution(cloud: Cloud) -> None:
    """While it runs, with the same input; after that the name is taken."""
    machine = Machine(cloud, _machine({"Type": "Wait", "Seconds": 3600, "End": True}))
    execution = machine.start("one", a=1)
    assert machine.start("one", a=1) == execution
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        machine.start("one", a=2)
    machine.stop(execution)
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        machine.start("one", a=1)
    listed = machine.sfn.list_executions(stateMachineArn=machine.arn)["executions"]
    assert [(one["name"], one["status"]) for one in listed] == [("one", "ABORTED")]
    assert machine.history(execution)[-1]["type"] in {"WaitStateEntered", "ExecutionAborted"}


def test_a_wait_and_a_pause_between_retries_end_with_the_execution(cloud: Cloud) -> None:
    """Nobody waits on for nothing."""
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 7200}]
    missing = _task("dynamodb:getItem", {"TableName": "none", "Key": {"id": {"S": "x"}}}, Retry=retry)
    for state in (missing, {"Type": "Wait", "Seconds": 7200, "End": True}):
        machine = Machine(cloud, _machine(state))
        execution = machine.start()
        machine.wait_for(execution, "Only")
        machine.stop(execution)
        until(lambda machine=machine, execution=execution: machine.history(execution)[-1]["type"] == "ExecutionAborted")
        assert machine.end(execution)["status"] == "ABORTED"


def test_a_job_that_takes_too_long_is_cancelled(cloud: Cloud, pipeline: Pipeline) -> None:
    """The state ends with States.Timeout, by the clock of the wall."""
    driver = {"SparkSubmit": {"EntryPoint": cloud.put_script("sleep 99"), "SparkSubmitParameters": SIZES}}
    job = {"ApplicationId": pipeline.application, "ExecutionRoleArn": pipeline.job_role, "JobDriver": driver}
    machine = Machine(cloud, _machine(_task("emr-serverless:startJobRun.sync", job, TimeoutSeconds=1)))
    end = machine.end(machine.start())
    assert (end["status"], end["error"]) == ("FAILED", "States.Timeout")
    until(lambda: pipeline.jobs()[-1]["state"] == "CANCELLED")


@pytest.mark.parametrize(
    ("integration", "parameters", "error"),
    [
        ("dynamodb:getItem", {"TableName": "table", "Key": {"id": {"S": "x"}}}, "DynamoDB.AccessDeniedException"),
        (
            "lambda:invoke",
            {"FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:f"},
            "Lambda.AccessDeniedException",
        ),
        (
            "states:startExecution",
            {"StateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:m"},
            "StepFunctions.AccessDeniedException",
        ),
        (
            "aws-sdk:sfn:describeExecution",
            {"ExecutionArn": "arn:aws:states:eu-west-1:123456789012:execution:m:e"},
            "Sfn.SfnException",
        ),
    ],
)
def test_a_call_that_the_role_may_not_make_is_an_error_of_its_service(
    cloud: Cloud, integration: str, parameters: dict[str, Any], error: str
) -> None:
    """Named as AWS names it, and retried as the definition says."""
    role = cloud.role(service="states.amazonaws.com")
    retry = [{"ErrorEquals": [error], "MaxAttempts": 1, "JitterStrategy": "FULL"}]
    machine = Machine(cloud, _machine(_task(integration, parameters, Retry=retry)), role)
    execution = machine.start()
    assert machine.end(execution)["error"] == error
    assert machine.errors(execution) == [error, error]


def test_a_job_that_the_role_may_not_start_is_an_error(cloud: Cloud, pipeline: Pipeline) -> None:
    """After the rule, which it must be allowed to make."""
    driver = {"SparkSubmit": {"EntryPoint": cloud.put_script(), "SparkSubmitParameters": SIZES}}
    job = {"ApplicationId": pipeline.application, "ExecutionRoleArn": pipeline.job_role, "JobDriver": driver}
    definition = _machine(_task("emr-serverless:startJobRun.sync", job))
    with pytest.raises(ClientError, match=r"AccessDeniedException.*events:DescribeRule"):
        Machine(cloud, definition, cloud.role("emr-serverless:*", service="states.amazonaws.com"))
    machine = Machine(cloud, definition, cloud.role("events:*", service="states.amazonaws.com"))
    assert machine.end(machine.start())["error"] == "EMRServerless.AccessDeniedException"


def test_the_successor_of_an_execution_is_started(cloud: Cloud) -> None:
    """In the casing of AWS, with an input that is JSON; the answer's times are text."""
    target = Machine(cloud, _machine({"Type": "Succeed"}))
    parameters = {"StateMachineArn": target.arn, "Name": "next", "Input": {"by.$": "$$.Execution.Id"}}
    machine = Machine(cloud, _machine(_task("states:startExecution", parameters)))
    execution = machine.start()
    answer = json.loads(machine.end(execution)["output"])
    assert answer["StartDate"].endswith("Z")
    assert json.loads(target.end(answer["ExecutionArn"])["input"]) == {"by": execution}


def test_a_mistake_in_a_definition_is_neither_retried_nor_caught(cloud: Cloud) -> None:
    """As in AWS: it would hide behind the error handling. The same goes for a Choice about what is not there."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    task = _task("dynamodb:getItem", {"TableName.$": "$.nothing", "Key": {"id": {"S": "x"}}}, Catch=catch)
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.no", "StringEquals": "x", "Next": "Caught"}],
        "Default": "Caught",
    }
    for state in (task, choice):
        machine = Machine(cloud, _machine(state, Caught={"Type": "Succeed"}))
        end = machine.end(machine.start())
        assert (end["status"], end["error"]) == ("FAILED", "States.Runtime")


def test_what_is_asked_of_a_role_is_looked_for_when_the_machine_is_made(cloud: Cloud) -> None:
    """Trust, the delivery of logs, and tracing; not in the middle of the night."""
    definition = json.dumps(_machine({"Type": "Succeed"}))
    make = cloud.aws.client("stepfunctions").create_state_machine
    with pytest.raises(ClientError, match=r"AccessDeniedException.*cannot be assumed by states"):
        make(name="m", definition=definition, roleArn=cloud.role(service="lambda.amazonaws.com"))
    for actions, settings in (
        (LOGGING_ACTIONS, {"loggingConfiguration": {"level": "ALL"}}),
        (TRACING_ACTIONS, {"tracingConfiguration": {"enabled": True}}),
    ):
        for missing in actions:
            role = cloud.role(*(set(actions) - {missing}), service="states.amazonaws.com")
            with pytest.raises(ClientError, match=rf"AccessDeniedException.*{missing}"):
                make(name="m", definition=definition, roleArn=role, **settings)


@pytest.mark.parametrize(
    ("definition", "named"),
    [
        ({"QueryLanguage": "JSONata"}, "JSONata"),
        ({"Version": "1.0"}, "Version"),
        ({"States": {"Only": {"Type": "Parallel", "Branches": []}}}, "Parallel"),
        ({"States": {"Only": {"Type": "Succeed", "Output": {}}}}, "Output"),
        ({"States": {"Only": {"Type": "Wait", "Timestamp": "2030-01-01", "End": True}}}, "Timestamp"),
        ({"States": {"Only": {"Type": "Pass", "Next": "Nowhere"}}}, "Nowhere"),
        ({"States": {"Only": {"Type": "Succeed"}, "Lonely": {"Type": "Succeed"}}}, "Lonely"),
        ({"StartAt": "Elsewhere"}, "Elsewhere"),
        ({"States": {"Only": {"Type": "Task", "Resource": f"{RESOURCE}sns:publish", "End": True}}}, "sns:publish"),
        (
            {"States": {"Only": {"Type": "Task", "Resource": f"{RESOURCE}emr-serverless:startJobRun", "End": True}}},
            "startJobRun",
        ),
    ],
)
def test_a_definition_that_would_work_otherwise_here_is_refused(definition: dict[str, Any], named: str) -> None:
    """Types, fields, integrations and languages that are not known, and ways that lead nowhere."""
    with pytest.raises(LocalAwsError, match=named):
        check(json.dumps(_machine({"Type": "Succeed"}) | definition))


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ({"Parameters": {"TableName": "t", "Tabel": 1}}, "Tabel"),
        ({"Retry": [{"ErrorEquals": ["States.ALL"], "Jitter": "FULL"}]}, "Jitter"),
        ({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Only", "Output": {}}]}, "Output"),
        ({"HeartbeatSeconds": 5}, "HeartbeatSeconds"),
        ({"Credentials": {"RoleArn": "x"}}, "Credentials"),
    ],
)
def test_a_field_of_a_task_that_would_be_ignored_is_refused(field: dict[str, Any], named: str) -> None:
    """Also within parameters, retries and catches."""
    with pytest.raises(LocalAwsError, match=named):
        check(json.dumps(_machine(_task("dynamodb:getItem", {}) | field)))


def test_nested_parameters_and_rules_are_looked_at_too() -> None:
    """Down to where AWS says nothing any more."""
    driver = {"JobDriver": {"SparkSubmit": {"EntryPoint": "s3://a/b", "EntryPoints": []}}}
    with pytest.raises(LocalAwsError, match="EntryPoints"):
        check(json.dumps(_machine(_task("emr-serverless:startJobRun.sync", driver))))
    rule = {"Not": {"And": [{"Variable": "$.a", "StringMatches": "*"}]}, "Next": "Only"}
    with pytest.raises(LocalAwsError, match="StringMatches"):
        check(json.dumps(_machine({"Type": "Choice", "Choices": [rule]})))
    with pytest.raises(LocalAwsError, match="no JSON"):
        check("{")


def test_a_refused_definition_makes_no_state_machine(cloud: Cloud) -> None:
    """The call says why; and a machine that is there is not changed."""
    with pytest.raises(ClientError, match=r"InvalidDefinition.*Map"):
        Machine(cloud, _machine({"Type": "Map"}))
    machine = Machine(cloud, _machine({"Type": "Succeed"}))
    with pytest.raises(ClientError, match="can't be updated"):
        machine.sfn.update_state_machine(stateMachineArn=machine.arn, roleArn="arn:aws:iam::123456789012:role/x")


def test_every_integration_is_one_of_aws() -> None:
    """Its operation is in the descriptions that AWS gives."""
    for integration in INTEGRATIONS.values():
        assert integration.model.input_shape is not None


def _machine(state: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "Only", "States": {"Only": state, **others}}


def _task(integration: str, parameters: dict[str, Any], **fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
    end = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": f"{RESOURCE}{integration}", "Parameters": parameters, **end, **fields}
