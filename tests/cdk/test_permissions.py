"""Tests of the policies in the template, which they evaluate as IAM does."""

import fnmatch
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cdk.permissions import Permission
from tests.cdk.conftest import Template
from tests.lambdas.drain.permissions import OF_ALL, OF_JOBS, OF_TAGGED

WITHOUT_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "states:ListStateMachines",
}
"""Actions without resource-level permissions."""

JOB_RUNS = "arn:<AWS::Partition>:emr-serverless:eu-west-1:<AWS::AccountId>:/applications/<Application>"

JOB_EVENTS = "arn:<AWS::Partition>:events:eu-west-1:<AWS::AccountId>:rule/StepFunctionsGetEventsForEMRServerlessJobRule"

NEEDS = {
    "arn:aws:states:::dynamodb:updateItem": {("dynamodb:UpdateItem", "<Table>")},
    "arn:aws:states:::dynamodb:getItem": {("dynamodb:GetItem", "<Table>")},
    "arn:aws:states:::aws-sdk:sfn:describeExecution": {
        ("states:DescribeExecution", "arn:<AWS::Partition>:states:eu-west-1:<AWS::AccountId>:execution:fruits-*:any")
    },
    "arn:aws:states:::states:startExecution": {
        ("states:StartExecution", "arn:<AWS::Partition>:states:eu-west-1:<AWS::AccountId>:stateMachine:fruits-*")
    },
    "arn:aws:states:::lambda:invoke": {("lambda:InvokeFunction", "<RecordRun>")},
    "arn:aws:states:::aws-sdk:s3:putObject": {("s3:PutObject", "<Bucket>/control/fence.json")},
    # https://docs.aws.amazon.com/step-functions/latest/dg/emr-serverless-iam.html
    "arn:aws:states:::emr-serverless:startJobRun.sync": {
        ("emr-serverless:StartJobRun", JOB_RUNS),
        ("emr-serverless:GetJobRun", f"{JOB_RUNS}/jobruns/any"),
        ("emr-serverless:CancelJobRun", f"{JOB_RUNS}/jobruns/any"),
        ("iam:PassRole", "<JobRole>"),
        *((f"events:{action}", JOB_EVENTS) for action in ("PutTargets", "PutRule", "DescribeRule")),
    },
}
"""Resource of a task → actions and resources that the state machine needs for it."""

SHORT = {
    "CoordinationTable": "Table",
    "SparkApplication": "Application",
    "RecordingRecordRunFunction": "RecordRun",
    "SparkJobRole": "JobRole",
    "BucketData": "Bucket",
}


@dataclass(frozen=True)
class Statement:
    """A statement of a policy, with references in angle brackets."""

    effect: str
    actions: frozenset[str]
    resources: frozenset[str]
    conditions: str


def _short(text: str) -> str:
    """Replace references by short names, without the hashes of logical ids."""
    for logical, name in SHORT.items():
        while (start := text.find(f"<{logical}")) >= 0:
            text = f"{text[:start]}<{name}>{text[text.index('>', start) + 1 :]}"
    return text


def _many(value: Any) -> list[Any]:  # noqa: ANN401 -- one or several
    return value if isinstance(value, list) else [value]


def _statements(template: Template, role: str) -> Iterator[Statement]:
    """Yield all statements of the policies of a role."""
    for policy in template.of_type("AWS::IAM::Policy").values():
        if any(attached["Ref"].startswith(role) for attached in policy["Properties"]["Roles"]):
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield Statement(
                    statement["Effect"],
                    frozenset(_many(statement["Action"])),
                    frozenset(_short(template.text(resource)) for resource in _many(statement["Resource"])),
                    json.dumps(statement.get("Condition", {}), sort_keys=True),
                )


def _roles(template: Template) -> list[str]:
    return list(template.of_type("AWS::IAM::Role"))


def _allows(statements: list[Statement], action: str, resource: str) -> bool:
    return any(
        action in statement.actions and any(fnmatch.fnmatchcase(resource, pattern) for pattern in statement.resources)
        for statement in statements
    )


def _definition(template: Template) -> dict[str, Any]:
    machine = template.one("AWS::StepFunctions::StateMachine")
    document: dict[str, Any] = json.loads(template.text(machine["Properties"]["DefinitionString"]))
    return document


def test_the_state_machine_may_do_what_its_tasks_need(template: Template) -> None:
    """Every task has its permissions; a ``.sync`` task also has those for its events."""
    statements = list(_statements(template, "WorkflowRole"))
    tasks = [state for state in _definition(template)["States"].values() if state["Type"] == "Task"]
    assert len(tasks) > 10
    for task in tasks:
        for action, resource in NEEDS[task["Resource"]]:
            named = resource.replace("fruits-*", template.path.name.partition(".")[0])
            assert _allows(statements, action, named), (action, named)


def test_a_run_on_a_replaced_application_keeps_its_permissions(template: Template) -> None:
    """CloudFormation changes the roles before the drain stops the run; applications of other environments are out."""
    old = "arn:<AWS::Partition>:emr-serverless:eu-west-1:<AWS::AccountId>:/applications/of-earlier-deployment"
    name = template.path.name.partition(".")[0]
    tag = json.dumps({"StringEquals": {"aws:ResourceTag/environment": name}})
    workflow, record_run, drain = (
        list(_statements(template, role)) for role in ("WorkflowRole", "RecordingRecordRunRole", "DrainingDrainRole")
    )
    for action in ("GetJobRun", "CancelJobRun"):
        assert _allows(workflow, f"emr-serverless:{action}", f"{old}/jobruns/any")
    assert _allows(record_run, "emr-serverless:GetJobRun", f"{old}/jobruns/any")
    assert _allows(drain, OF_JOBS, f"{old}/jobruns/any")
    assert _allows([one for one in drain if one.conditions == "{}"], OF_ALL, old)
    assert _allows([one for one in workflow if one.conditions == tag], "emr-serverless:StartJobRun", old)
    for action in OF_TAGGED:
        assert _allows([one for one in drain if one.conditions == tag], action, old)
    job_role = next(role for key, role in template.of_type("AWS::IAM::Role").items() if key.startswith("SparkJobRole"))
    (trust,) = job_role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert template.text(trust["Condition"]["ArnLike"]["aws:SourceArn"]).endswith(":/applications/*")


def test_the_state_machine_passes_its_role_to_emr_serverless_only(template: Template) -> None:
    """The permission to pass a role names one role and one service."""
    (passing,) = (one for one in _statements(template, "WorkflowRole") if "iam:PassRole" in one.actions)
    assert passing.resources == {"<JobRole>"}
    assert "emr-serverless.amazonaws.com" in passing.conditions


def test_no_role_may_do_everything(template: Template) -> None:
    """No action contains a wildcard, and only actions without resource-level permissions apply to all resources."""
    for role in _roles(template):
        for statement in _statements(template, role):
            assert statement.effect == "Allow"
            assert not [action for action in statement.actions if "*" in action], role
            if "*" in statement.resources:
                assert statement.actions <= WITHOUT_RESOURCE, role


S3_OF = {
    "SparkJobRole": {
        ("s3:ListBucket", "<Bucket>"),
        ("s3:ListBucketMultipartUploads", "<Bucket>"),
        ("s3:GetObject", "<Bucket>/images/*"),
        ("s3:GetObject", "<Bucket>/control/fence.json"),
        *(
            (f"s3:{action}", f"<Bucket>/{folder}/*")
            for action in ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload")
            for folder in ("tables", "models", "pca", "results", "staging", "inbox")
        ),
    },
    "IntakeStartRunRole": {("s3:PutObject", "<Bucket>/inbox/*")},
    "RecordingRecordRunRole": {
        ("s3:PutObject", "<Bucket>/results/*/run.json"),
        ("s3:GetObject", "<Bucket>/results/*/report.html"),
        ("s3:PutObject", "<Bucket>/results/*/report.html"),
        ("s3:PutObjectTagging", "<Bucket>/results/*"),
        ("s3:GetObject", "<Bucket>/results/latest.json"),
        ("s3:GetObject", "<Bucket>/results/*/failure.json"),
        ("s3:ListBucket", "<Bucket>"),
    },
    "WorkflowRole": {("s3:PutObject", "<Bucket>/control/fence.json")},
}


@pytest.mark.parametrize("role", S3_OF)
def test_each_role_has_its_own_folders(template: Template, role: str) -> None:
    """A role may access only the folders that it needs, and no role may write or delete images."""
    allowed = {
        (action, resource)
        for statement in _statements(template, role)
        for action in statement.actions
        for resource in statement.resources
        if action.startswith("s3:") and "<Bucket>" in resource
    }
    assert allowed == S3_OF[role]


def test_only_the_named_services_take_the_roles(template: Template) -> None:
    """Only services can assume the roles, no users and no other accounts."""
    services = {
        statement["Principal"]["Service"]
        for role in template.of_type("AWS::IAM::Role").values()
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    }
    assert services == {"lambda.amazonaws.com", "states.amazonaws.com", "emr-serverless.amazonaws.com"} | (
        {"scheduler.amazonaws.com"} if template.of_type("AWS::Scheduler::Schedule") else set()
    )


@pytest.mark.parametrize(
    ("actions", "resources", "because"),
    [(["s3:*"], ["a"], None), (["s3:GetObject"], ["a/*"], None), (["s3:GetObject"], ["a"], "reason")],
)
def test_a_permission_needs_names_and_a_reason(actions: list[str], resources: list[str], because: str | None) -> None:
    """A permission refuses a wildcard in an action, a wildcard without a reason, and a reason without a wildcard."""
    with pytest.raises(ValueError, match="Sid:"):
        Permission(sid="Sid", actions=actions, resources=resources, because=because)
