"""Tests of the checks of the AWS account, in moto."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from cdk.settings import environment_named
from cli.cloud.account import BOOTSTRAP_PARAMETER
from cli.doctor.account import EMR_VCPUS, LAMBDA_CONCURRENCY, account_checks
from cli.doctor.checks import Finding, Status, examine_all
from contract.environments import stack_name

REGION = "eu-west-1"
Answers = dict[str, Any]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Start an AWS, and return the answers to give in its place, by operation; an exception is raised."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    given, request = Answers(), BaseClient._make_api_call  # noqa: SLF001 -- all requests pass through it

    def answer(client: BaseClient, name: str, parameters: dict[str, object]) -> object:
        found = given.get(name, request)
        if isinstance(found, Exception):
            raise found
        return found(client, name, parameters) if callable(found) else found

    with mock_aws():
        monkeypatch.setattr(BaseClient, "_make_api_call", answer)
        yield given


@pytest.fixture
def found(answers: Answers) -> Callable[[], dict[str, Finding]]:
    """Return a function that makes all checks for `dev`."""
    assert answers == {}

    def examine() -> dict[str, Finding]:
        checks = account_checks(environment_named("dev"), boto3.Session(region_name=REGION), None)
        return {check.name: finding for check, finding in examine_all(checks)}

    return examine


Found = Callable[[], dict[str, Finding]]


def _quotas(vcpus: float, functions: float) -> Callable[..., object]:
    values = {EMR_VCPUS.code: vcpus, LAMBDA_CONCURRENCY.code: functions}
    return lambda _client, _name, parameters: {"Quota": {"Value": values[parameters["QuotaCode"]]}}


def test_an_account_in_order(answers: Answers, found: Found) -> None:
    """Account, Region, bootstrap, quotas and stack are each found."""
    boto3.client("ssm", region_name=REGION).put_parameter(Name=BOOTSTRAP_PARAMETER, Value="31", Type="String")
    bucket = '{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}'
    boto3.client("cloudformation", region_name=REGION).create_stack(StackName=stack_name("dev"), TemplateBody=bucket)
    answers["GetServiceQuota"] = _quotas(16, 1000)
    findings = found()
    assert {finding.status for finding in findings.values()} == {Status.OK}
    assert findings["aws"].found.startswith("account 123456789012, as arn:aws:sts::123456789012:")
    assert findings["bootstrap"].found == "version 31 in eu-west-1"
    assert findings["emr quota"].found == "16 vCPUs at once; dev may use 6"
    assert findings["stack"].found == "fruits-dev: CREATE_COMPLETE"


def test_an_empty_account_says_what_to_type(answers: Answers, found: Found) -> None:
    """A missing bootstrap is a failure, because a deployment needs it; a missing stack is not."""
    answers["GetServiceQuota"] = _quotas(4, 5)
    findings = found()
    assert findings["bootstrap"].status is Status.FAIL
    assert "cdk bootstrap aws://123456789012/eu-west-1" in findings["bootstrap"].advice
    assert findings["stack"].status is Status.WARN
    assert "make deploy ENV=dev" in findings["stack"].advice
    assert findings["emr quota"].status is findings["lambda quota"].status is Status.WARN
    assert "emr-serverless, L-D05C8A75" in findings["emr quota"].advice


def test_an_old_bootstrap_is_a_failure(found: Found) -> None:
    """The templates of CDK refuse versions below 6."""
    boto3.client("ssm", region_name=REGION).put_parameter(Name=BOOTSTRAP_PARAMETER, Value="5", Type="String")
    assert found()["bootstrap"].found == "version 5, which is too old in eu-west-1"


def test_a_missing_permission_skips_its_check_only(answers: Answers, found: Found) -> None:
    """A user may deploy without a permission to ask for quotas."""
    answers["GetServiceQuota"] = ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetServiceQuota")
    findings = found()
    assert findings["emr quota"] == findings["lambda quota"]
    assert findings["emr quota"].status is Status.SKIP
    assert findings["emr quota"].found == "can't be asked: these credentials have no permission"
    assert findings["aws"].status is Status.OK


def test_a_local_aws_without_quotas_is_no_failure(answers: Answers, found: Found) -> None:
    """The finding says honestly that nothing was compared."""
    answers["GetServiceQuota"] = ClientError({"Error": {"Code": "500", "Message": "<html>"}}, "GetServiceQuota")
    assert found()["emr quota"] == Finding(Status.SKIP, "can't be asked: AWS answers 500")


def test_a_quota_without_a_value_of_its_own_has_that_of_aws(answers: Answers, found: Found) -> None:
    """Service Quotas has no entry for an account that has never used a service, but knows the default."""
    answers["GetServiceQuota"] = ClientError({"Error": {"Code": "NoSuchResourceException"}}, "GetServiceQuota")
    answers["GetAWSDefaultServiceQuota"] = _quotas(16, 1000)
    assert found()["lambda quota"].found == "1,000 functions at once; the functions need fewer than 10"
    answers["GetAWSDefaultServiceQuota"] = answers["GetServiceQuota"]
    assert found()["lambda quota"].status is Status.SKIP


def test_expired_credentials_are_a_failure_that_says_what_to_do(answers: Answers, found: Found) -> None:
    """The sentence is that of the other commands."""
    answers["GetCallerIdentity"] = ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity")
    finding = found()["aws"]
    assert finding.status is Status.FAIL
    assert finding.advice == "The credentials for AWS have expired: log in again, then run the same command again."


@pytest.mark.parametrize(
    ("configured", "text"),
    [
        ("eu-central-1", "eu-west-1; this machine is set to eu-central-1"),
        ("us-east-1", "eu-west-1; this machine is set to us-east-1, which is not in the European Union"),
    ],
)
def test_another_region_of_the_machine_is_a_warning(
    configured: str, text: str, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of fruits use the Region of the environment, those of aws another one."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", configured)
    finding = found()["region"]
    assert (finding.status, finding.found) == (Status.WARN, text)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("UPDATE_IN_PROGRESS", Status.WARN),
        ("UPDATE_ROLLBACK_FAILED", Status.FAIL),
        ("ROLLBACK_COMPLETE", Status.FAIL),
        ("UPDATE_ROLLBACK_COMPLETE", Status.OK),
    ],
)
def test_the_state_of_the_stack(state: str, status: Status, answers: Answers, found: Found) -> None:
    """After a failed update, CloudFormation has restored the state before; a failed creation has left nothing."""
    answers["DescribeStacks"] = {"Stacks": [{"StackStatus": state}]}
    assert found()["stack"].status is status
