"""Tests of the criteria of `fruits evidence`: each one fails for its own fault, and for an answer that is missing."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cli.cloud.evidence.answers import Answers
from cli.cloud.evidence.criteria import CRITERIA, TEMPLATE, verdicts_on
from cli.cloud.evidence.found import Evidence, ImageCount
from cli.cloud.evidence.places import regions_in
from contract.digest import Digest
from contract.workflow import RunRecord
from tests.cli.cloud.evidence.conftest import ARN, BUCKET, CONTENTS, ROLE, TLS_ONLY

LAX = {"Statement": [{**TLS_ONLY["Statement"][0], "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}
PARTLY = {"Statement": [{**TLS_ONLY["Statement"][0], "Action": "s3:PutObject"}]}
OBJECTS_ONLY = {"Statement": [{**TLS_ONLY["Statement"][0], "Resource": f"arn:aws:s3:::{BUCKET}/*"}]}
ONE_OBJECT = {"Statement": [{**TLS_ONLY["Statement"][0], "Resource": f"arn:aws:s3:::{BUCKET}/one"}]}
ALL_BUT = {"Effect": "Deny", "NotPrincipal": {"AWS": "*"}, "NotAction": "s3:*", "NotResource": "*"}
UNLIMITED = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
PERSON = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}}
APPLICATION = CONTENTS["emr-serverless:GetApplication"][1]["application"]
ALARM = CONTENTS["cloudwatch:DescribeAlarms"][1]["MetricAlarms"][0]
BLOCKED = CONTENTS["s3:GetPublicAccessBlock"][1]["PublicAccessBlockConfiguration"]
GROUP = CONTENTS["logs:DescribeLogGroups"][1]["logGroups"][0]

FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    ("region", "s3:GetBucketLocation", {"LocationConstraint": "eu-west-2"}),
    ("region", "s3:GetBucketLocation", {"LocationConstraint": None}),
    ("region", "lambda:GetFunctionConfiguration", {"FunctionArn": ARN.format("lambda", "f").replace("eu-", "us-")}),
    ("account", "sts:GetCallerIdentity", {"Account": "1"}),
    ("encryption", "sqs:GetQueueAttributes", {"Attributes": {"QueueArn": ARN.format("sqs", "events")}}),
    ("encryption", "s3:GetBucketEncryption", {"ServerSideEncryptionConfiguration": {"Rules": [{}]}}),
    ("encryption", "s3:GetBucketEncryption", {"ServerSideEncryptionConfiguration": {"Rules": []}}),
    ("private", "s3:GetPublicAccessBlock", {"PublicAccessBlockConfiguration": {**BLOCKED, "BlockPublicAcls": False}}),
    ("private", "s3:GetPublicAccessBlock", {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}),
    ("private", "s3:GetPublicAccessBlock", {"PublicAccessBlockConfiguration": {}}),
    ("tls", "s3:GetBucketPolicy", {"Policy": json.dumps(LAX)}),
    ("tls", "s3:GetBucketPolicy", {"Policy": json.dumps(PARTLY)}),
    ("tls", "s3:GetBucketPolicy", {"Policy": json.dumps(OBJECTS_ONLY)}),
    ("tls", "s3:GetBucketPolicy", {"Policy": json.dumps(ONE_OBJECT)}),
    ("tls", "s3:GetBucketPolicy", {"Policy": json.dumps({"Statement": [ALL_BUT]})}),
    ("roles", "iam:GetRole", {**ROLE, "Policies": {"own": {"Statement": UNLIMITED}}}),
    ("roles", "iam:GetRole", {**ROLE, "Trust": {"Statement": [PERSON]}}),
    ("roles", "iam:GetRole", {**ROLE, "AttachedPolicies": ["arn:aws:iam::aws:policy/AdministratorAccess"]}),
    ("logs", "logs:DescribeLogGroups", {"logGroups": [{name: GROUP[name] for name in ("logGroupName", "arn")}]}),
    ("logs", "logs:DescribeLogGroups", {"logGroups": []}),
    ("run", "states:DescribeExecution", {"status": "FAILED"}),
    ("run", "emr-serverless:GetJobRun", {"jobRun": {"state": "CANCELLED"}}),
    ("at-rest", "emr-serverless:GetApplication", {"application": {**APPLICATION, "state": "STARTED"}}),
    ("at-rest", "emr-serverless:ListJobRuns", {"jobRuns": [{"id": "00other"}]}),
    ("at-rest", "states:ListExecutions", {"executions": [{"name": "update-2"}]}),
    ("alarms", "cloudwatch:DescribeAlarms", {"MetricAlarms": [{**ALARM, "StateValue": "ALARM"}]}),
    ("alarms", "cloudwatch:DescribeAlarms", {"MetricAlarms": []}),
    (TEMPLATE, "cloudformation:GetTemplate", {"TemplateBody": {"Resources": {"A": {"Type": "y"}}}}),
]
"""Criterion, call, and an answer by which the criterion is not met."""

JUDGED = (*CONTENTS, "states:DescribeExecution", "emr-serverless:GetJobRun")
"""The calls whose answers are judged."""

DAMAGES: dict[str, list[Callable[[Evidence], Evidence]]] = {
    "images": [
        lambda found: replace(found, images=ImageCount(images=4, is_complete=True)),
        lambda found: replace(found, images=ImageCount(images=4, is_complete=False)),
    ],
    "results": [lambda found: replace(found, files=found.files[1:])],
    "matrix": [
        lambda found: replace(found, matrix=(replace(found.matrix[0], found=Digest.of(b"other")),)),
        lambda found: replace(found, matrix=(replace(found.matrix[0], found=None, rows=0),)),
        lambda found: replace(found, matrix=()),
    ],
    "cost": [lambda found: replace(found, costs=replace(found.costs, month=None))],
}
"""Criterion → changes of what was found in the bucket by which it is not met."""


def _missed(evidence: Evidence) -> set[str]:
    return {verdict.criterion for verdict in verdicts_on(evidence) if not verdict.met}


def test_a_sound_run_meets_all_criteria(evidence: Evidence) -> None:
    """Without this, the other tests would prove nothing."""
    assert _missed(evidence) == set()
    assert [verdict.criterion for verdict in verdicts_on(evidence)] == [*CRITERIA]


@pytest.mark.parametrize(("criterion", "call", "content"), FAULTS)
def test_a_fault_in_an_answer_fails_its_criterion(
    criterion: str, call: str, content: dict[str, Any], answering: Callable[..., Evidence]
) -> None:
    """The criterion of the fault is not met, and every other one still is."""
    assert _missed(answering(call, content)) == {criterion}


@pytest.mark.parametrize(
    ("criterion", "damage"), [(name, damage) for name, damages in DAMAGES.items() for damage in damages]
)
def test_a_fault_in_the_bucket_fails_its_criterion(
    criterion: str, damage: Callable[[Evidence], Evidence], evidence: Evidence
) -> None:
    """A missing file, another hash, other images: each is its own criterion."""
    assert _missed(damage(evidence)) == {criterion}


@pytest.mark.parametrize("call", JUDGED)
def test_what_aws_does_not_answer_is_not_proved(call: str, answering: Callable[..., Evidence]) -> None:
    """A missing permission never counts as a criterion that is met; the reason names the call, in both languages."""
    verdicts = [verdict for verdict in verdicts_on(answering(call, None)) if not verdict.met]
    assert verdicts
    assert all(f"{call} " in verdict.why.english and f"{call} " in verdict.why.french for verdict in verdicts)


@pytest.mark.parametrize("call", JUDGED)
def test_a_question_about_no_resource_proves_nothing(call: str, asked_nothing: Callable[[str], Evidence]) -> None:
    """What would be true of all buckets, roles or log groups is not met if there is none; the reason names the call."""
    verdicts = [verdict for verdict in verdicts_on(asked_nothing(call)) if not verdict.met]
    assert verdicts
    assert all(f"{call} " in verdict.why.english and f"{call} " in verdict.why.french for verdict in verdicts)


def test_no_arn_is_in_the_account_of_the_credentials_if_there_is_none(evidence: Evidence) -> None:
    """Credentials alone don't show to whom the resources belong."""
    alone = tuple(answer for answer in evidence.answers.groups["all"] if answer.call == "sts:GetCallerIdentity")
    assert "account" in _missed(replace(evidence, answers=Answers({"all": alone})))


@pytest.mark.parametrize(
    ("constraint", "region", "missed"),
    [(None, "us-east-1", {"region"}), ("", "us-east-1", {"region"}), ("EU", "eu-west-1", set())],
)
def test_the_old_names_of_regions_are_read(
    constraint: str | None, region: str, missed: set[str], answering: Callable[..., Evidence]
) -> None:
    """S3 answers nothing for the Region of Virginia, and another name for that of Ireland."""
    found = answering("s3:GetBucketLocation", {"LocationConstraint": constraint})
    assert regions_in(found.answers)[BUCKET] == region
    assert _missed(found) == missed


def test_a_run_without_a_record_is_not_proved(evidence: Evidence) -> None:
    """Neither its job nor its cost is known then."""
    assert _missed(replace(evidence, record=None, run_answers=Answers({}))) == {"run", "cost"}


def test_the_budget_is_a_limit(evidence: Evidence, record: RunRecord) -> None:
    """A month that is over it, and a run of unknown cost, are not within it."""
    assert evidence.costs.month
    month = replace(evidence.costs.month, spent_usd=20.01)
    assert _missed(replace(evidence, costs=replace(evidence.costs, month=month))) == {"cost"}
    assert _missed(replace(evidence, record=replace(record, cost_usd=None))) == {"cost"}


def test_too_many_images_are_not_counted(evidence: Evidence) -> None:
    """A corpus beyond the limit is proved as far as it was counted."""
    assert _missed(replace(evidence, images=ImageCount(images=2, is_complete=False))) == set()


def test_the_template_counts_only_if_one_is_given(evidence: Evidence) -> None:
    """Without `--template`, the page says nothing about it."""
    without = verdicts_on(replace(evidence, template=None))
    assert TEMPLATE not in [verdict.criterion for verdict in without]


def test_all_reasons_are_in_both_languages(evidence: Evidence) -> None:
    """No text is left in the other language, and French numbers and signs are French."""
    for verdict in verdicts_on(evidence):
        for text in (verdict.title, verdict.why):
            assert text.in_("en") != text.in_("fr")
            assert "'" not in text.in_("fr")
    whys = {verdict.criterion: verdict.why.in_("fr") for verdict in verdicts_on(evidence)}
    assert "0,1875\N{SPACE}USD" in whys["cost"]
    assert "lignes\N{NO-BREAK SPACE}: 2 sur 2" in whys["matrix"]
