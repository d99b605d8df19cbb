"""What services of AWS do for the stack: the policies of the template let each of them, and tests plant each fault."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from localaws.policies import Permission, Statement, find_grant
from tests.cdk.conftest import Template

OF_ACCOUNT = {"aws:SourceAccount": "<AWS::AccountId>", "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
PLACE = "eu-west-1:<AWS::AccountId>"


@dataclass(frozen=True)
class Call:
    """A call that a service makes for a resource of the stack, and the policy that decides about it."""

    service: str
    permission: Permission
    statements: list[Statement]

    def is_allowed(self) -> bool:
        """Evaluate the policy."""
        return find_grant(self.statements, self.permission) is not None


def _plain(template: Template, value: Any) -> Any:  # noqa: ANN401 -- a part of a template
    """Replace functions by their text."""
    if isinstance(value, list):
        return [_plain(template, one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")):
        return template.text(value)
    return {key: _plain(template, one) for key, one in value.items()}


def _call(template: Template, service: str, asked: tuple[str, str], source: str, document: dict[str, Any]) -> Call:
    statements = [
        statement
        for statement in _plain(template, document)["Statement"]
        if statement["Principal"] in ("*", {"AWS": "*"}, {"Service": service})
    ]
    return Call(service, Permission(*asked, {**OF_ACCOUNT, "aws:SourceArn": source}), statements)


def _policy_of(template: Template, kind: str, key: str, resource: str) -> dict[str, Any]:
    """Return the policy of a resource, which names it in a property."""
    (policy,) = (
        found["Properties"]
        for found in template.of_type(kind).values()
        if {"Ref": resource} in (found["Properties"][key], *_listed(found["Properties"][key]))
    )
    return dict(policy["PolicyDocument"])


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 -- a part of a template
    return value if isinstance(value, list) else []


def _buckets(template: Template) -> Iterator[Call]:
    """S3 sends events to the queue, and writes the access logs of one bucket into another."""
    for name, bucket in template.of_type("AWS::S3::Bucket").items():
        properties = bucket["Properties"]
        for sent in properties.get("NotificationConfiguration", {}).get("QueueConfigurations", ()):
            queue = sent["Queue"]["Fn::GetAtt"][0]
            policy = _policy_of(template, "AWS::SQS::QueuePolicy", "Queues", queue)
            arn = f"arn:<AWS::Partition>:s3:::{template.text(properties['BucketName'])}"
            yield _call(template, "s3.amazonaws.com", ("sqs:SendMessage", f"<{queue}.Arn>"), arn, policy)
        if logging := properties.get("LoggingConfiguration"):
            target = logging["DestinationBucketName"]["Ref"]
            policy = _policy_of(template, "AWS::S3::BucketPolicy", "Bucket", target)
            asked = ("s3:PutObject", f"<{target}.Arn>/2026-11-28")
            yield _call(template, "logging.s3.amazonaws.com", asked, f"<{name}.Arn>", policy)


def _alarms(template: Template) -> Iterator[Call]:
    """CloudWatch publishes to the topics of alarms."""
    for alarm in template.of_type("AWS::CloudWatch::Alarm").values():
        for topic in alarm["Properties"]["AlarmActions"]:
            policy = _policy_of(template, "AWS::SNS::TopicPolicy", "Topics", topic["Ref"])
            source = f"arn:<AWS::Partition>:cloudwatch:{PLACE}:alarm:{alarm['Properties']['AlarmName']}"
            yield _call(template, "cloudwatch.amazonaws.com", ("sns:Publish", f"<{topic['Ref']}>"), source, policy)


def _roles(template: Template) -> Iterator[Call]:
    """Scheduler, EMR Serverless, Step Functions and Lambda assume roles."""

    def trust(role: dict[str, Any], service: str, source: str) -> Call:
        document = template.body["Resources"][role["Fn::GetAtt"][0]]["Properties"]["AssumeRolePolicyDocument"]
        return _call(template, service, ("sts:AssumeRole", "*"), source, document)

    for schedule in template.of_type("AWS::Scheduler::Schedule").values():
        # The name of the partition is the only one in the European Union, and CDK writes it out.
        group = f"arn:aws:scheduler:{PLACE}:schedule-group/default"
        yield trust(schedule["Properties"]["Target"]["RoleArn"], "scheduler.amazonaws.com", group)
    for machine in template.of_type("AWS::StepFunctions::StateMachine").values():
        yield trust(machine["Properties"]["RoleArn"], "states.amazonaws.com", f"arn:aws:states:{PLACE}:x")
    for function in template.of_type("AWS::Lambda::Function").values():
        yield trust(function["Properties"]["Role"], "lambda.amazonaws.com", f"arn:aws:lambda:{PLACE}:x")
    (application,) = template.of_type("AWS::EMRServerless::Application")
    (name,) = (name for name in template.of_type("AWS::IAM::Role") if name.startswith("SparkJobRole"))
    arn = f"arn:<AWS::Partition>:emr-serverless:{PLACE}:/applications/<{application}.ApplicationId>"
    yield trust({"Fn::GetAtt": [name, "Arn"]}, "emr-serverless.amazonaws.com", arn)


CALLS: tuple[Callable[[Template], Iterator[Call]], ...] = (_buckets, _alarms, _roles)


@pytest.mark.parametrize("calls", CALLS)
def test_every_service_may_do_what_the_stack_asks_of_it(
    template: Template, calls: Callable[[Template], Iterator[Call]]
) -> None:
    """Each call is allowed; without the statements that allow it, none is."""
    found = list(calls(template))
    assert found
    for call in found:
        assert call.is_allowed(), call
        without = [statement for statement in call.statements if statement["Effect"] == "Deny"]
        assert not Call(call.service, call.permission, without).is_allowed()


@pytest.mark.parametrize(
    "context",
    [{"aws:SourceAccount": "999999999999"}, {"aws:SourceArn": "arn:<AWS::Partition>:s3:::other"}],
    ids=["account", "bucket"],
)
def test_no_stranger_may_send_events(template: Template, context: dict[str, str]) -> None:
    """S3 may send neither for another account nor for another bucket, and no other service or user may send at all."""
    call = next(call for call in _buckets(template) if call.permission.action == "sqs:SendMessage")
    assert call.is_allowed()
    asked = replace(call.permission, context={**call.permission.context, **context})
    assert not replace(call, permission=asked).is_allowed()
    policies = [found["Properties"]["PolicyDocument"] for found in template.of_type("AWS::SQS::QueuePolicy").values()]
    statements = [statement for policy in policies for statement in policy["Statement"]]
    allowed = [statement["Principal"] for statement in statements if statement["Effect"] == "Allow"]
    assert allowed == [{"Service": "s3.amazonaws.com"}]


def test_all_services_are_judged(synthesised: Callable[[str], Template]) -> None:
    """No service that appears in a policy of the template is left out above, but the emptying of buckets by CDK."""
    template = synthesised("prod")
    judged = {call.service for calls in CALLS for call in calls(template)}
    principals = {
        statement["Principal"]["Service"]
        for found in template.body["Resources"].values()
        for key in ("PolicyDocument", "AssumeRolePolicyDocument")
        for statement in found.get("Properties", {}).get(key, {}).get("Statement", ())
        if isinstance(statement.get("Principal"), dict) and "Service" in statement["Principal"]
    }
    assert principals == judged
