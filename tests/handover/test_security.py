"""Tests of docs/security.md and its translation: roles, encryption and suppressed findings are those deployed."""

import fnmatch
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.handover.pages import ROOT, both, code_in, resources, rows_between, template

TEXTS = both("security")
LANGUAGES = pytest.mark.parametrize("text", TEXTS, ids=["english", "french"])
ENGLISH, _ = TEXTS

ENVIRONMENTS = ("dev", "prod")
OF_CDK = "CustomS3AutoDeleteObjects"
"""Beginning of the name of the role with which CDK empties the buckets of dev."""


def _skipped() -> Iterator[tuple[str, str]]:
    """Yield rule and reason of the findings of checkov that the templates suppress."""
    for environment in ENVIRONMENTS:
        for resource in template(environment)["Resources"].values():
            for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                yield skip["id"], skip["comment"]


@LANGUAGES
def test_every_suppressed_finding_is_listed_and_no_other(text: str) -> None:
    """The rules of the table are those of the templates (checkov) and of the code (cdk-nag)."""
    listed = {rule for row in rows_between(text, "suppressions") for rule in code_in(row[0])}
    code = "".join(file.read_text() for file in (ROOT / "cdk/stateful").glob("*.py"))
    code += "".join(file.read_text() for file in (ROOT / "cdk/stateless").glob("*.py"))
    of_nag = set(re.findall(r"\"((?:AwsSolutions|Serverless)-\w+)", code)) | {"AwsSolutions-IAM5"}
    assert listed == {rule for rule, _ in _skipped()} | of_nag


def test_the_reasons_are_those_of_the_code() -> None:
    """The English page gives the reasons of the templates, word for word."""
    reasons = {rule: row[2] for row in rows_between(ENGLISH, "suppressions") for rule in code_in(row[0])}
    assert {(rule, reason) for rule, reason in _skipped() if reason not in reasons[rule]} == set()


@LANGUAGES
def test_every_role_is_listed_with_the_service_that_assumes_it(text: str) -> None:
    """The table has the roles of the template, with the principals of their trust policies."""
    listed = {code_in(row[0])[0]: code_in(row[1])[0] for row in rows_between(text, "roles")}
    roles = {name: _principal(role) for name, role in resources("prod", "AWS::IAM::Role").items()}
    assert len(roles) == len(listed)
    assert {(name, principal) for name, principal in roles.items() if not _is_listed(name, principal, listed)} == set()


def _principal(role: dict[str, Any]) -> str:
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    return str(statement["Principal"]["Service"])


def _is_listed(role: str, principal: str, listed: dict[str, str]) -> bool:
    return any(role.startswith(name) and service == principal for name, service in listed.items())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject"])
def test_no_role_may_change_or_delete_a_photo(environment: str, action: str) -> None:
    """No resource of a permission to write or delete covers a key below images/, as the page says."""
    assert "No role but this\none may delete a photo" in ENGLISH
    policies = resources(environment, "AWS::IAM::Policy")
    statements = [one for policy in policies.values() for one in policy["PolicyDocument"]["Statement"]]
    writing = [one for one in statements if action in _listed(one["Action"])]
    assert writing
    covered = [arn for one in writing for arn in map(_path, _listed(one["Resource"]))]
    assert [arn for arn in covered if fnmatch.fnmatch("/images/Plum/x.jpg", arn)] == []


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 -- a text, a function or a list of them
    return value if isinstance(value, list) else [value]


def _path(arn: Any) -> str:  # noqa: ANN401 -- a text or a function of the template
    """Return an ARN from the name of the bucket on, or the whole ARN."""
    return str(arn["Fn::Join"][1][-1]) if isinstance(arn, dict) and "Fn::Join" in arn else str(arn)


@LANGUAGES
def test_what_is_encrypted_is_what_the_page_says(text: str) -> None:
    """Buckets, queues and answers of Athena are encrypted by the template; topic and traffic of workers are not."""
    for bucket in resources("prod", "AWS::S3::Bucket").values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert {queue["SqsManagedSseEnabled"] for queue in resources("prod", "AWS::SQS::Queue").values()} == {True}
    (group,) = resources("prod", "AWS::Athena::WorkGroup").values()
    assert "'SSE_S3'" in str(group["WorkGroupConfiguration"]["ResultConfiguration"]["EncryptionConfiguration"])
    (topic,) = resources("prod", "AWS::SNS::Topic").values()
    assert "KmsMasterKeyId" not in topic
    assert "spark.ssl" not in json.dumps(template("prod"))
    assert re.search(r"\*\*not encrypted by us\*\*|\*\*non chiffré par nous\*\*", text)


def test_tls_1_2_is_demanded() -> None:
    """The policies of the buckets refuse older versions of TLS."""
    for policy in resources("prod", "AWS::S3::BucketPolicy").values():
        assert '"s3:TlsVersion": 1.2' in json.dumps(policy)
