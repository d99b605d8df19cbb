"""Stacks are made and deleted as CloudFormation does it: all or nothing, in order, and nothing is ignored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.host import Host, local_aws
from localaws.leftovers import leftovers
from localaws.resources import EMULATED, MADE, NOT_REHEARSED, Resource
from rehearsal.deployment import outputs_of

STACK = "fruits-test"
ROLE = {
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
    "Version": "2012-10-17",
}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 7}}
UNKNOWN = {"Type": "AWS::SQS::Queue", "Properties": {"Colour": "red"}}


@pytest.fixture(scope="module")
def running() -> Iterator[Host]:
    """Have a local AWS for all tests of this file."""
    with local_aws(pace=60.0) as host:
        yield host


@pytest.fixture
def aws(running: Host) -> Iterator[Host]:
    """Have it empty, and see that the test leaves nothing behind."""
    yield running
    assert leftovers(running) == []


def _create(aws: Host, template: dict[str, Any], **arguments: list[dict[str, str]]) -> str:
    """Make a stack as the CDK command does, and return what has become of it."""
    client = aws.client("cloudformation")
    client.create_change_set(
        StackName=STACK,
        ChangeSetName="change",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
        **arguments,
    )
    client.execute_change_set(StackName=STACK, ChangeSetName="change")
    return _status(aws)


def _delete(aws: Host) -> str:
    stack = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
    aws.client("cloudformation").delete_stack(StackName=STACK)
    return _status(aws, stack)


def _status(aws: Host, stack: str = STACK) -> str:
    [description] = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return str(description["StackStatus"])


def _events(aws: Host, stack: str) -> list[tuple[str, str, str]]:
    events = aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [
        (event["ResourceStatus"], event["LogicalResourceId"], event.get("ResourceStatusReason", ""))
        for event in reversed(events)
    ]


def _stack_id(aws: Host) -> str:
    return str(aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackId"])


def test_a_stack_is_made_and_deleted_in_order(aws: Host) -> None:
    """By the calls of each service; outputs are there; it is deleted in the reverse order, to the last trace."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ROLE}}
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": {"Fn::GetAtt": ["Queue", "Arn"]}}
    policy = {
        "PolicyName": "p",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "Roles": [{"Ref": "Role"}],
    }
    resources = {"Policy": {"Type": "AWS::IAM::Policy", "Properties": policy}, "Queue": QUEUE, "Role": role}
    outputs = {"Url": {"Value": {"Ref": "Queue"}}, "Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}}}
    assert _create(aws, {"Resources": resources, "Outputs": outputs}) == "CREATE_COMPLETE"
    found = outputs_of(aws, STACK)
    name = found["Arn"].rpartition(":")[2]
    assert name.startswith(f"{STACK}-Queue-")
    assert found["Url"].endswith(f"/{name}")
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=found["Url"], AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "7"
    iam = aws.client("iam")
    [made] = [one["RoleName"] for one in iam.list_roles()["Roles"]]
    document = iam.get_role_policy(RoleName=made, PolicyName="p")["PolicyDocument"]
    assert document["Statement"][0]["Resource"] == found["Arn"]
    stack = _stack_id(aws)
    assert _delete(aws) == "DELETE_COMPLETE"
    told = _events(aws, stack)
    order = [name for status, name, _ in told if status == "CREATE_COMPLETE"]
    assert [name for status, name, _ in told if status == "DELETE_COMPLETE"] == [*reversed(order[:-1]), STACK]
    assert order.index("Policy") > max(order.index("Queue"), order.index("Role"))


COLOURFUL_TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::GetAtt": ["Queue", "Colour"]}}}
LONG_LOGS = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": "long"}}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (UNKNOWN, "does not know the properties of AWS::SQS::Queue: Colour."),
        (COLOURFUL_TOPIC, "does not know the attribute Colour of Queue."),
        ({"Type": "AWS::IAM::Role"}, "AWS::IAM::Role needs the property AssumeRolePolicyDocument."),
        (LONG_LOGS, "Invalid type for parameter retentionInDays"),
    ],
)
def test_what_cant_be_made_undoes_all_that_was(aws: Host, resource: dict[str, Any], reason: str) -> None:
    """Also the resource itself, as far as it had come; the events name it and say why, for the CDK command to print."""
    resources = {"Queue": QUEUE, "Odd": {**resource, "DependsOn": "Queue"}}
    assert _create(aws, {"Resources": resources}) == "ROLLBACK_COMPLETE"
    [(_, name, sentence)] = [event for event in _events(aws, STACK) if event[0] == "CREATE_FAILED"]
    assert name == "Odd"
    assert reason in sentence
    assert _delete(aws) == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ({"Resources": {"A": {"Type": "AWS::EC2::VPC"}}}, "does not know resources of type AWS::EC2::VPC"),
        ({"Resources": {"A": {"Type": "Custom::Own"}}}, "does not know resources of type Custom::Own"),
        ({"Resources": {"A": QUEUE}, "Mappings": {}}, "does not know Mappings of templates"),
        ({"Resources": {"A": {**QUEUE, "DependsOn": "B"}}}, r"Unresolved resource dependencies \[B\]"),
        (
            {
                "Resources": {"A": QUEUE},
                "Rules": {"R": {"Assertions": [{"Assert": {"Fn::Equals": [1, 2]}, "AssertDescription": "Not here."}]}},
            },
            "Not here.",
        ),
    ],
)
def test_what_can_be_seen_beforehand_is_refused(aws: Host, template: dict[str, Any], sentence: str) -> None:
    """The change set is not made, and no stack remains of it."""
    with pytest.raises(ClientError, match=sentence):
        _create(aws, template)


def test_tags_of_stacks_are_refused(aws: Host) -> None:
    """AWS would pass them on to the resources."""
    with pytest.raises(ClientError, match="Tags of stacks are not passed on"):
        _create(aws, {"Resources": {"A": QUEUE}}, Tags=[{"Key": "a", "Value": "b"}])


def test_stacks_are_made_by_change_sets_and_not_updated(aws: Host) -> None:
    """What is not rehearsed says so."""
    client = aws.client("cloudformation")
    with pytest.raises(ClientError, match="Stacks are made by change sets"):
        client.create_stack(StackName=STACK, TemplateBody=json.dumps({"Resources": {"A": QUEUE}}))
    _create(aws, {"Resources": {"A": QUEUE}})
    with pytest.raises(ClientError, match="Stacks are not updated here"):
        client.create_change_set(
            StackName=STACK,
            ChangeSetName="other",
            ChangeSetType="UPDATE",
            TemplateBody=json.dumps({"Resources": {"B": QUEUE}}),
        )
    assert _delete(aws) == "DELETE_COMPLETE"


def test_what_is_to_be_kept_stays(aws: Host) -> None:
    """A resource that is retained outlives its stack."""
    kept = {**QUEUE, "DeletionPolicy": "Retain"}
    _create(aws, {"Resources": {"Kept": kept, "Other": QUEUE}})
    assert _delete(aws) == "DELETE_COMPLETE"
    sqs = aws.client("sqs")
    [url] = sqs.list_queues()["QueueUrls"]
    assert f"{STACK}-Kept-" in url
    assert leftovers(aws) == [f"the queue {url}"]
    sqs.delete_queue(QueueUrl=url)


def _listening_bucket(*, service: str) -> dict[str, Any]:
    bucket = "listening-bucket"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    policy = {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    rules = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "images/"}]}}
    events = {"Event": "s3:ObjectCreated:*", "Filter": rules, "Queue": {"Fn::GetAtt": ["Queue", "Arn"]}}
    listening = {"BucketName": bucket, "NotificationConfiguration": {"QueueConfigurations": [events]}}
    return {
        "Queue": QUEUE,
        "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": listening, "DependsOn": "Policy"},
    }


def test_a_bucket_may_only_notify_a_queue_that_lets_it(aws: Host) -> None:
    """As S3 checks it when the notification is set up."""
    assert _create(aws, {"Resources": _listening_bucket(service="sns.amazonaws.com")}) == "ROLLBACK_COMPLETE"
    [reason] = [reason for status, _, reason in _events(aws, STACK) if status == "CREATE_FAILED"]
    assert reason.startswith("Unable to validate the following destination configurations")
    assert _delete(aws) == "DELETE_COMPLETE"
    assert _create(aws, {"Resources": _listening_bucket(service="s3.amazonaws.com")}) == "CREATE_COMPLETE"
    [configured] = aws.client("s3").get_bucket_notification_configuration(Bucket="listening-bucket")[
        "QueueConfigurations"
    ]
    assert configured["Events"] == ["s3:ObjectCreated:*"]
    assert configured["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "images/"}]
    assert _delete(aws) == "DELETE_COMPLETE"


def _emptied_bucket(bucket: str, *, action: str) -> dict[str, Any]:
    """Put together what CDK makes of `auto_delete_objects`, but for its function's code."""
    arns = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    grant = {
        "Effect": "Allow",
        "Principal": {"AWS": {"Fn::GetAtt": ["Role", "Arn"]}},
        "Action": [action, "s3:GetBucket*", "s3:List*", "s3:PutBucketPolicy"],
        "Resource": arns,
    }
    tls = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": arns,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    function = {
        "Code": {"S3Bucket": "code", "S3Key": "code.zip"},
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Runtime": "nodejs24.x",
    }
    tagged = {"BucketName": bucket, "Tags": [{"Key": "aws-cdk:auto-delete-objects", "Value": "true"}]}
    policy = {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [grant, tls]}}
    emptying = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "BucketName": {"Ref": "Bucket"}}
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ROLE}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": tagged},
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": policy},
        "Emptying": {"Type": "Custom::S3AutoDeleteObjects", "Properties": emptying, "DependsOn": "Policy"},
    }


@pytest.fixture
def code(aws: Host) -> Iterator[None]:
    """Have a bucket with the code of a function."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="code", Key="code.zip", Body=b"PK\5\6" + bytes(18))
    yield
    s3.delete_object(Bucket="code", Key="code.zip")
    s3.delete_bucket(Bucket="code")


@pytest.mark.usefixtures("code")
def test_buckets_are_emptied_under_the_role_of_the_function(aws: Host) -> None:
    """Thousands of objects, in pages; a policy that denies only what has no TLS is in nobody's way."""
    s3 = aws.client("s3")
    assert _create(aws, {"Resources": _emptied_bucket("full", action="s3:DeleteObject*")}) == "CREATE_COMPLETE"
    for number in range(1001):
        s3.put_object(Bucket="full", Key=f"images/an apple/{number}", Body=b"")
    assert _delete(aws) == "DELETE_COMPLETE"


@pytest.mark.usefixtures("code")
def test_buckets_are_not_emptied_without_permission(aws: Host) -> None:
    """The stack says why it is still there, and is deleted once that is put right."""
    s3 = aws.client("s3")
    _create(aws, {"Resources": _emptied_bucket("full", action="s3:DeleteBucket")})
    s3.put_object(Bucket="full", Key="images/1", Body=b"")
    stack = _stack_id(aws)
    assert _delete(aws) == "DELETE_FAILED"
    assert "the bucket full with 1 objects" in leftovers(aws)
    [reason] = [
        reason for status, name, reason in _events(aws, stack) if (status, name) == ("DELETE_FAILED", "Emptying")
    ]
    assert "not authorized to perform: s3:DeleteObject" in reason
    s3.delete_object(Bucket="full", Key="images/1")
    assert _delete(aws) == "DELETE_COMPLETE"


def test_accesses_are_not_logged(aws: Host) -> None:
    """S3 would do it some hours later: a bucket that was emptied stays empty."""
    bucket = {"LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}}}
    resources = {"Logs": {"Type": "AWS::S3::Bucket"}, "Data": {"Type": "AWS::S3::Bucket", "Properties": bucket}}
    assert _create(aws, {"Resources": resources}) == "CREATE_COMPLETE"
    names = [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
    assert all(
        "KeyCount" in page and not page["KeyCount"]
        for page in (aws.client("s3").list_objects_v2(Bucket=name) for name in names)
    )
    assert _delete(aws) == "DELETE_COMPLETE"


def test_the_cdk_command_is_told_of_no_other_events(aws: Host) -> None:
    """After a failure it asks CloudTrail, and would ask again and again if nobody answered."""
    assert aws.client("cloudtrail").lookup_events()["Events"] == []


@pytest.mark.parametrize(
    ("longest", "prefix"), [(64, "fruits-test-ALogicalIdThatGoesOnAndOnAndOnAndOnAndO-"), (255, None)]
)
def test_names_are_generated_as_long_as_they_may_be(longest: int, prefix: str | None) -> None:
    """Stack, name in the template, and characters that make them unique."""
    logical_id = "ALogicalIdThatGoesOnAndOnAndOnAndOnAndOnAndOn"
    names = {Resource(STACK, logical_id, "A::B::C", {}, Host).generate_name(longest) for _ in range(10)}
    assert len(names) == 10
    assert all(len(name) <= longest and name.startswith(prefix or f"{STACK}-{logical_id}-") for name in names)


def test_the_tables_of_what_is_rehearsed_speak_of_types_that_are_made() -> None:
    """They are printed: an entry about something that isn't there would be a lie."""
    assert {key.partition(".")[0] for key in (*EMULATED, *NOT_REHEARSED)} <= MADE.keys()
