"""Step Functions: definitions are checked, and executed as in AWS."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.account import LocalAwsError
from localaws.definitions import INTEGRATIONS, RESOURCE, check
from localaws.integrations import RULE
from localaws.workflows import LOGGING_ACTIONS, TRACING_ACTIONS
from tests.localaws.cloud import BUCKET, TABLE, Cloud, cloud_in, until
from tests.localaws.machine import Machine, definition, task

PACE = 120.0
"""A wait of a minute in AWS lasts half a second."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a local AWS with a table."""
    with cloud_in(tmp_path_factory.mktemp("workflows"), PACE) as cloud:
        cloud.table()
        yield cloud


class Job:
    """A job that a Task starts, in an application of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.application, self.role = cloud, cloud.application(), cloud.job_role()

    def task(self, script: str | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
        """Return a Task that starts the job with a script, by default one that waits for an order."""
        entry_point = self.cloud.put_script(script) if script else self.cloud.put_script()
        driver = {"SparkSubmit": {"EntryPoint": entry_point, "EntryPointArguments.$": "$.arguments"}}
        job = {"ApplicationId": self.application, "ExecutionRoleArn": self.role, "JobDriver": driver}
        return task("emr-serverless:startJobRun.sync", job, **fields)

    def states(self) -> list[str]:
        """Return the states of the job runs, the first one first."""
        emr = self.cloud.aws.client("emr-serverless")
        return [run["state"] for run in emr.list_job_runs(applicationId=self.application)["jobRuns"]]


@pytest.fixture
def job(cloud: Cloud) -> Job:
    """Return a job of an application without job runs."""
    return Job(cloud)


def test_a_task_waits_for_its_job(cloud: Cloud, job: Job) -> None:
    """Its output is the job run, in the casing of Step Functions; the execution counts as succeeded."""
    machine = Machine(cloud, definition(job.task()))
    execution = machine.start(arguments=["--mode", "all"])
    cloud.tell("true")
    run = json.loads(machine.end(execution)["output"])
    assert (run["State"], run["JobDriver"]["SparkSubmit"]["EntryPointArguments"]) == ("SUCCESS", ["--mode", "all"])
    assert run["CreatedAt"].endswith("Z")
    until(lambda: machine.count("ExecutionsSucceeded") == 1)
    rule = cloud.aws.client("events").describe_rule(Name=RULE)
    assert "EMR Serverless Job Run State Change" in rule["EventPattern"]


def test_a_job_that_fails_is_retried_and_is_the_cause_of_the_failure(cloud: Cloud, job: Job) -> None:
    """The error is States.TaskFailed; the cause is the last job run."""
    retry = [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    machine = Machine(cloud, definition(job.task(Retry=retry)))
    execution = machine.start(arguments=[])
    for _ in range(2):
        cloud.tell("exit 1")
    end = machine.end(execution)
    assert (end["status"], end["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(end["cause"])
    assert cause["State"] == "FAILED"
    assert set(cause["BilledResourceUtilization"]) == {"VCPUHour", "MemoryGBHour", "StorageGBHour"}
    assert job.states() == ["FAILED", "FAILED"]


def test_a_stopped_execution_cancels_its_job(cloud: Cloud, job: Job) -> None:
    """The execution is ABORTED at once, and counts as aborted."""
    machine = Machine(cloud, definition(job.task("sleep 99")))
    execution = machine.start(arguments=[])
    until(lambda: job.states() == ["RUNNING"])
    machine.stop(execution)
    assert machine.describe(execution)["status"] == "ABORTED"
    until(lambda: job.states() == ["CANCELLED"])
    until(lambda: machine.count("ExecutionsAborted") == 1)


def test_a_job_that_takes_too_long_is_cancelled(cloud: Cloud, job: Job) -> None:
    """The state ends with States.Timeout, after the full time: the pace does not shorten timeouts."""
    machine = Machine(cloud, definition(job.task("sleep 99", TimeoutSeconds=1)))
    end = machine.end(machine.start(arguments=[]))
    assert (end["status"], end["error"]) == ("FAILED", "States.Timeout")
    until(lambda: job.states() == ["CANCELLED"])


def test_the_same_name_starts_one_execution(cloud: Cloud) -> None:
    """The same input returns the execution while it runs; another input, or a later start, is an error."""
    machine = Machine(cloud, definition({"Type": "Wait", "Seconds": 3600, "End": True}))
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


def test_a_wait_ends_with_its_execution(cloud: Cloud) -> None:
    """The wait between retries ends, too."""
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 7200}]
    missing = task("dynamodb:getItem", {"TableName": "none", "Key": {"id": {"S": "x"}}}, Retry=retry)
    for state in (missing, {"Type": "Wait", "Seconds": 7200, "End": True}):
        machine = Machine(cloud, definition(state))
        execution = machine.start()
        machine.wait_for(execution, "Only")
        machine.stop(execution)
        until(lambda machine=machine, execution=execution: machine.history(execution)[-1]["type"] == "ExecutionAborted")
        assert machine.end(execution)["status"] == "ABORTED"


@pytest.mark.parametrize(
    ("integration", "parameters", "error"),
    [
        ("dynamodb:getItem", {"TableName": TABLE, "Key": {"id": {"S": "x"}}}, "DynamoDB.AccessDeniedException"),
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
def test_a_call_that_the_role_may_not_make_is_an_error_of_the_service(
    cloud: Cloud, integration: str, parameters: dict[str, Any], error: str
) -> None:
    """The error has the name that AWS gives it, and is retried as the definition says."""
    role = cloud.role(service="states.amazonaws.com")
    retry = [{"ErrorEquals": [error], "MaxAttempts": 1, "JitterStrategy": "FULL"}]
    machine = Machine(cloud, definition(task(integration, parameters, Retry=retry)), role)
    execution = machine.start()
    assert machine.end(execution)["error"] == error
    assert machine.errors(execution) == [error, error]


def test_a_job_that_the_role_may_not_start_is_an_error(cloud: Cloud, job: Job) -> None:
    """The role must also be allowed to create the managed rule, which AWS checks when the state machine is created."""
    document = definition(job.task())
    with pytest.raises(ClientError, match=r"AccessDeniedException.*events:DescribeRule"):
        Machine(cloud, document, cloud.role("emr-serverless:*", service="states.amazonaws.com"))
    machine = Machine(cloud, document, cloud.role("events:*", service="states.amazonaws.com"))
    assert machine.end(machine.start(arguments=[]))["error"] == "EMRServerless.AccessDeniedException"


def test_an_execution_starts_another_one(cloud: Cloud) -> None:
    """The answer has the casing of AWS, and times as text; the input of the other one is JSON."""
    target = Machine(cloud, definition({"Type": "Succeed"}))
    parameters = {"StateMachineArn": target.arn, "Name": "next", "Input": {"by.$": "$$.Execution.Id"}}
    machine = Machine(cloud, definition(task("states:startExecution", parameters)))
    execution = machine.start()
    answer = json.loads(machine.end(execution)["output"])
    assert answer["StartDate"].endswith("Z")
    assert json.loads(target.end(answer["ExecutionArn"])["input"]) == {"by": execution}


def test_the_body_of_an_object_is_json(cloud: Cloud) -> None:
    """Step Functions writes a document as JSON, and also a text, which gets quotes."""
    for body, written in (({"run_id.$": "$.run"}, b'{"run_id":"7"}'), ("text", b'"text"')):
        machine = Machine(
            cloud, definition(task("aws-sdk:s3:putObject", {"Bucket": BUCKET, "Key": "control/x.json", "Body": body}))
        )
        assert machine.end(machine.start(run="7"))["status"] == "SUCCEEDED"
        answer = cloud.aws.client("s3").get_object(Bucket=BUCKET, Key="control/x.json")
        assert answer["Body"].read() == written


def test_a_wait_until_a_time_is_shortened(cloud: Cloud) -> None:
    """The pace shortens the time that is left; a time in the past needs no wait, in any time zone of this machine."""
    machine = Machine(cloud, definition({"Type": "Wait", "TimestampPath": "$.until", "End": True}))
    now = datetime.now(UTC)
    for minutes in (-600, 1):
        until_then = f"{now + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"
        assert machine.end(machine.start(until=until_then))["status"] == "SUCCEEDED"
    late = machine.start(until=f"{now + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}")
    machine.wait_for(late, "Only")
    assert machine.describe(late)["status"] == "RUNNING"
    machine.stop(late)


def test_a_mistake_in_a_definition_is_neither_retried_nor_caught(cloud: Cloud) -> None:
    """The same holds for a Choice about a variable that does not exist; in AWS, too, the execution fails."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    wrong = task("dynamodb:getItem", {"TableName.$": "$.nothing", "Key": {"id": {"S": "x"}}}, Catch=catch)
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.no", "StringEquals": "x", "Next": "Caught"}],
        "Default": "Caught",
    }
    for state in (wrong, choice):
        machine = Machine(cloud, definition(state, Caught={"Type": "Succeed"}))
        end = machine.end(machine.start())
        assert (end["status"], end["error"]) == ("FAILED", "States.Runtime")


def test_the_role_is_checked_when_the_state_machine_is_created(cloud: Cloud) -> None:
    """It needs trust, and permissions for the delivery of logs and for tracing."""
    document = json.dumps(definition({"Type": "Succeed"}))
    make = cloud.aws.client("stepfunctions").create_state_machine
    with pytest.raises(ClientError, match=r"AccessDeniedException.*cannot be assumed by states"):
        make(name="m", definition=document, roleArn=cloud.role(service="lambda.amazonaws.com"))
    for actions, settings in (
        (LOGGING_ACTIONS, {"loggingConfiguration": {"level": "ALL"}}),
        (TRACING_ACTIONS, {"tracingConfiguration": {"enabled": True}}),
    ):
        for missing in actions:
            role = cloud.role(*(set(actions) - {missing}), service="states.amazonaws.com")
            with pytest.raises(ClientError, match=rf"AccessDeniedException.*{missing}"):
                make(name="m", definition=document, roleArn=role, **settings)


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"QueryLanguage": "JSONata"}, "JSONata"),
        ({"Version": "1.0"}, "Version"),
        ({"States": {"Only": {"Type": "Parallel", "Branches": []}}}, "Parallel"),
        ({"States": {"Only": {"Type": "Succeed", "Output": {}}}}, "Output"),
        ({"States": {"Only": {"Type": "Wait", "Timestamp": "2030-01-01", "End": True}}}, "Timestamp"),
        ({"States": {"Only": {"Type": "Pass", "Next": "Nowhere"}}}, "Nowhere"),
        ({"States": {"Only": {"Type": "Succeed"}, "Unreached": {"Type": "Succeed"}}}, "Unreached"),
        ({"StartAt": "Elsewhere"}, "Elsewhere"),
        ({"States": {"Only": {"Type": "Task", "Resource": f"{RESOURCE}sns:publish", "End": True}}}, "sns:publish"),
        (
            {"States": {"Only": {"Type": "Task", "Resource": f"{RESOURCE}emr-serverless:startJobRun", "End": True}}},
            "startJobRun",
        ),
    ],
)
def test_a_definition_that_would_work_differently_here_is_refused(document: dict[str, Any], named: str) -> None:
    """Unknown types, fields, integrations and query languages are errors, and so are states that nothing reaches."""
    with pytest.raises(LocalAwsError, match=named):
        check(json.dumps(definition({"Type": "Succeed"}) | document))


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
def test_a_field_of_a_task_without_effect_is_refused(field: dict[str, Any], named: str) -> None:
    """Parameters, retriers and catchers are checked, too."""
    with pytest.raises(LocalAwsError, match=named):
        check(json.dumps(definition(task("dynamodb:getItem", {}) | field)))


def test_nested_parameters_and_rules_are_checked() -> None:
    """They are checked as deep as botocore describes them."""
    driver = {"JobDriver": {"SparkSubmit": {"EntryPoint": "s3://a/b", "EntryPoints": []}}}
    with pytest.raises(LocalAwsError, match="EntryPoints"):
        check(json.dumps(definition(task("emr-serverless:startJobRun.sync", driver))))
    rule = {"Not": {"And": [{"Variable": "$.a", "StringMatches": "*"}]}, "Next": "Only"}
    with pytest.raises(LocalAwsError, match="StringMatches"):
        check(json.dumps(definition({"Type": "Choice", "Choices": [rule]})))
    with pytest.raises(LocalAwsError, match="not JSON"):
        check("{")


def test_a_refused_definition_makes_no_state_machine(cloud: Cloud) -> None:
    """The error has the reason; the update of a state machine is checked in the same way."""
    with pytest.raises(ClientError, match=r"InvalidDefinition.*Map"):
        Machine(cloud, definition({"Type": "Map"}))
    machine = Machine(cloud, definition({"Type": "Succeed"}))
    for change, reason in (
        ({"roleArn": "arn:aws:iam::123456789012:role/x"}, "cannot be assumed by states"),
        ({"definition": json.dumps(definition({"Type": "Map"}))}, r"InvalidDefinition.*Map"),
    ):
        with pytest.raises(ClientError, match=reason):
            machine.sfn.update_state_machine(stateMachineArn=machine.arn, **change)


def test_an_update_counts_for_later_executions_only(cloud: Cloud) -> None:
    """An execution that runs keeps the definition that it began with."""
    wait = {"Type": "Wait", "Seconds": 60, "Next": "Last"}
    document = definition(wait)
    document["States"]["Last"] = {"Type": "Pass", "Result": {"old": True}, "End": True}
    machine = Machine(cloud, document)
    running = machine.start()
    new = json.dumps(definition({"Type": "Pass", "Result": {"new": True}, "End": True}))
    machine.sfn.update_state_machine(stateMachineArn=machine.arn, definition=new)
    assert machine.describe(running)["status"] == "RUNNING"
    assert json.loads(machine.end(machine.start())["output"]) == {"new": True}
    assert json.loads(machine.end(running)["output"]) == {"old": True}


def test_every_integration_is_one_of_aws() -> None:
    """Its operation is in the descriptions of botocore."""
    for integration in INTEGRATIONS.values():
        assert integration.model.input_shape is not None
