"""Tests of the deletion of the rule by which Step Functions hears of the end of jobs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from contract.workflow import JOB_EVENTS_RULE
from lambdas.drain.rule import JobEventsRule
from localaws.host import Host, local_aws
from tests.cdk.test_permissions import JOB_EVENTS

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}
ALLOWED = {"Effect": "Allow", "Action": ["events:*"], "Resource": "*"}
WAITS = {
    "Type": "Task",
    "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
    "Parameters": {"ApplicationId": "a", "ExecutionRoleArn": "r", "JobDriver": {}},
    "End": True,
}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Run a local AWS."""
    with local_aws(1) as host:
        yield host


def _state_machine(host: Host, state: dict[str, object]) -> str:
    name, iam = f"m{uuid4().hex}", host.client("iam")
    policy = {"Version": "2012-10-17"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy | {"Statement": [TRUST]}))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy | {"Statement": [ALLOWED]}))
    definition = json.dumps({"StartAt": "Only", "States": {"Only": state}})
    made = host.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=role["Arn"])
    return str(made["stateMachineArn"])


def test_the_last_state_machine_that_waits_for_jobs_takes_the_rule_along(host: Host) -> None:
    """The rule stays while another one of the account needs it; others do not count. A missing rule is no error."""
    events, stepfunctions = host.client("events"), host.client("stepfunctions")
    one, two, _ = _state_machine(host, WAITS), _state_machine(host, WAITS), _state_machine(host, {"Type": "Succeed"})
    events.put_rule(Name=JOB_EVENTS_RULE, EventPattern='{"source": ["aws.emr-serverless"]}')
    events.put_targets(Rule=JOB_EVENTS_RULE, Targets=[{"Id": "StepFunctions", "Arn": one}])
    rule = JobEventsRule(events, stepfunctions, one)
    assert not rule.delete_if_unused()
    assert events.describe_rule(Name=JOB_EVENTS_RULE)
    stepfunctions.delete_state_machine(stateMachineArn=one)
    rule = replace(rule, state_machine=two)
    assert rule.delete_if_unused()
    assert events.list_rules()["Rules"] == []
    assert rule.delete_if_unused()


def test_the_rule_is_the_one_that_the_workflow_needs() -> None:
    """Its name is AWS's."""
    assert JOB_EVENTS.endswith(f":rule/{JOB_EVENTS_RULE}")
