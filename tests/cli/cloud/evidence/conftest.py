"""The evidence of a run that meets all criteria, written down by hand, in the form in which AWS answers."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.cloud.cost import Costs
from cli.cloud.evidence.answers import Answer, Answers
from cli.cloud.evidence.found import EXPECTED_FILES, CheckedFile, Evidence, ImageCount
from cli.cloud.month import Month
from cli.cloud.spending import Spending
from contract.digest import Digest
from contract.summary import Counts, MatrixFile, Summary
from contract.workflow import RunRecord

ACCOUNT = "210987654321"
BUCKET = "fruits-dev-data"
ARN = f"arn:aws:{{}}:eu-west-1:{ACCOUNT}:{{}}"
QUEUE = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/events"
MATRIX = b"key,label,pc_1\na,x,1\nb,x,2\n"

TLS_ONLY = {
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
}

ROLE = {
    "Arn": f"arn:aws:iam::{ACCOUNT}:role/job",
    "Trust": {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]},
    "Policies": {"own": {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:x"]}]}},
    "AttachedPolicies": [],
}

CONTENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "sts:GetCallerIdentity": ("credentials", {"Account": ACCOUNT}),
    "cloudformation:DescribeStacks": ("fruits-dev", {"Stacks": [{"StackId": ARN.format("cloudformation", "stack/s")}]}),
    "cloudformation:GetTemplate": ("fruits-dev", {"TemplateBody": {"Resources": {"A": {"Type": "x"}}}}),
    "s3:GetBucketLocation": (BUCKET, {"LocationConstraint": "eu-west-1"}),
    "s3:GetBucketEncryption": (
        BUCKET,
        {
            "ServerSideEncryptionConfiguration": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            }
        },
    ),
    "s3:GetPublicAccessBlock": (
        BUCKET,
        {
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            }
        },
    ),
    "s3:GetBucketPolicy": (BUCKET, {"Policy": json.dumps(TLS_ONLY)}),
    "emr-serverless:GetApplication": (
        "app",
        {"application": {"arn": ARN.format("emr-serverless", "/applications/app"), "state": "STOPPED"}},
    ),
    "emr-serverless:ListJobRuns": ("app", {"jobRuns": []}),
    "lambda:GetFunctionConfiguration": ("f", {"FunctionArn": ARN.format("lambda", "function:f")}),
    "states:DescribeStateMachine": ("m", {"stateMachineArn": ARN.format("states", "stateMachine:m")}),
    "states:ListExecutions": ("m", {"executions": []}),
    "dynamodb:DescribeTable": ("t", {"Table": {"TableArn": ARN.format("dynamodb", "table/t")}}),
    "sqs:GetQueueAttributes": (
        QUEUE,
        {"Attributes": {"QueueArn": ARN.format("sqs", "events"), "SqsManagedSseEnabled": "true"}},
    ),
    "logs:DescribeLogGroups": (
        "g",
        {"logGroups": [{"logGroupName": "g", "arn": ARN.format("logs", "log-group:g:*"), "retentionInDays": 7}]},
    ),
    "iam:GetRole": ("job", ROLE),
    "cloudwatch:DescribeAlarms": (
        "alarms",
        {
            "MetricAlarms": [
                {"AlarmName": "LongRun", "AlarmArn": ARN.format("cloudwatch", "alarm:a"), "StateValue": "OK"}
            ]
        },
    ),
}
"""Call → the resource, and what AWS answers if all is well."""

RUN_CONTENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "states:DescribeExecution": ("e", {"status": "SUCCEEDED"}),
    "states:GetExecutionHistory": ("e", {"events": []}),
    "emr-serverless:GetJobRun": ("00job", {"jobRun": {"state": "SUCCESS"}}),
}


def answers_with(contents: dict[str, tuple[str, dict[str, Any]]]) -> Answers:
    """Return answers without errors."""
    return Answers({"all": tuple(Answer(call=call, of=of, content=found) for call, (of, found) in contents.items())})


@pytest.fixture
def evidence(summary: Summary, record: RunRecord) -> Evidence:
    """Return evidence that meets all criteria."""
    part = MatrixFile(file=f"results/{record.run_id}/pca.csv", first_key="", rows=2, digest=Digest.of(MATRIX))
    return Evidence(
        environment="dev",
        region="eu-west-1",
        bucket=BUCKET,
        is_local=False,
        asked_at=datetime(2026, 11, 20, 13, tzinfo=UTC),
        answers=answers_with(CONTENTS),
        run_id=record.run_id,
        summary=replace(summary, counts=Counts(images=2, rejects=1), matrix=[part]),
        record=record,
        run_answers=answers_with(RUN_CONTENTS),
        matrix=(CheckedFile(part=part, found=Digest.of(MATRIX), rows=2),),
        files=(*map(str, EXPECTED_FILES), "pca.csv"),
        images=ImageCount(images=3, is_complete=True),
        costs=Costs(
            runs=[],
            budget_usd=20,
            month=Month(name="November", spent_usd=1, budget_usd=20),
            spending=Spending(problem="the stack has no budget"),
        ),
        template={"Resources": {"A": {"Type": "x"}}},
    )


@pytest.fixture
def asked_nothing(evidence: Evidence) -> Callable[[str], Evidence]:
    """Return a function that gives the evidence of an environment that has no resource for a call."""

    def changed(call: str) -> Evidence:
        name = "run_answers" if call in RUN_CONTENTS else "answers"
        answers: Answers = getattr(evidence, name)
        others = tuple(answer for answer in answers.groups["all"] if answer.call != call)
        return replace(evidence, **{name: Answers({"all": others})})

    return changed


@pytest.fixture
def answering(evidence: Evidence) -> Callable[..., Evidence]:
    """Return a function that gives the evidence with another answer to one call; `None` for an error."""

    def changed(call: str, content: dict[str, Any] | None) -> Evidence:
        is_of_run = call in RUN_CONTENTS
        answers = evidence.run_answers if is_of_run else evidence.answers
        group = [
            replace(answer, content=content, problem="" if content else "AccessDenied: no")
            if answer.call == call
            else answer
            for answer in answers.groups["all"]
        ]
        return replace(evidence, **{"run_answers" if is_of_run else "answers": Answers({"all": tuple(group)})})

    return changed
