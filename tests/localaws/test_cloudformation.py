"""Stacks are created and deleted as CloudFormation does it: completely or not at all, and in order."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.host import Host
from localaws.leftovers import leftovers
from localaws.resources import EMULATED, MAKERS, NOT_REHEARSED, Owner, Resource
from localaws.resources.storage import OBJECTS_PER_PAGE
from tests.localaws.stack import STACK, DeployedStack

ROLE = {
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
    "Version": "2012-10-17",
}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 7}}
UNKNOWN = {"Type": "AWS::SQS::Queue", "Properties": {"Colour": "red"}}


@pytest.fixture
def aws(stack: DeployedStack) -> Host:
    """Return the local AWS of the stack."""
    return stack.aws


def test_a_stack_is_created_and_deleted_in_order(aws: Host, stack: DeployedStack) -> None:
    """A resource follows those that it refers to; the deletion has the reverse order, and leaves nothing."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ROLE}}
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": {"Fn::GetAtt": ["Queue", "Arn"]}}
    policy = {
        "PolicyName": "p",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "Roles": [{"Ref": "Role"}],
    }
    resources = {"Policy": {"Type": "AWS::IAM::Policy", "Properties": policy}, "Queue": QUEUE, "Role": role}
    outputs = {"Url": {"Value": {"Ref": "Queue"}}, "Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}}}
    assert stack.create({"Resources": resources, "Outputs": outputs}) == "CREATE_COMPLETE"
    found = {output["OutputKey"]: output["OutputValue"] for output in stack.describe()["Outputs"]}
    name = found["Arn"].rpartition(":")[2]
    assert name.startswith(f"{STACK}-Queue-")
    assert found["Url"].endswith(f"/{name}")
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=found["Url"], AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "7"
    iam = aws.client("iam")
    [made] = [one["RoleName"] for one in iam.list_roles()["Roles"]]
    document = iam.get_role_policy(RoleName=made, PolicyName="p")["PolicyDocument"]
    assert document["Statement"][0]["Resource"] == found["Arn"]
    stack_id = stack.describe()["StackId"]
    assert stack.delete() == "DELETE_COMPLETE"
    told = stack.events(stack_id)
    order = [name for status, name, _ in told if status == "CREATE_COMPLETE"]
    assert [name for status, name, _ in told if status == "DELETE_COMPLETE"] == [*reversed(order[:-1]), STACK]
    assert order.index("Policy") > max(order.index("Queue"), order.index("Role"))


COLOURFUL_TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::GetAtt": ["Queue", "Colour"]}}}
BUDGET = {"BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": 1, "Unit": "USD"}}
BLIND_BUDGET = {
    "Type": "AWS::Budgets::Budget",
    "Properties": {"Budget": {**BUDGET, "CostFilters": {"TagKeyValue": ["environment$dev"]}}},
}
LONG_ALARM = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 289,
        "MetricName": "RunningJobs",
        "Namespace": "AWS/EMRServerless",
        "Period": 300,
        "Statistic": "Minimum",
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
    },
}
LONG_LOGS = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": "long"}}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (UNKNOWN, "does not know Colour of AWS::SQS::Queue."),
        (COLOURFUL_TOPIC, "does not know the attribute Colour of Queue."),
        ({"Type": "AWS::IAM::Role"}, "AWS::IAM::Role needs the property AssumeRolePolicyDocument."),
        (LONG_LOGS, "Invalid type for parameter retentionInDays"),
        (LONG_ALARM, "evaluates 86400 seconds at most, not 86700"),
        (BLIND_BUDGET, "names a tag as user:KEY$VALUE; 'environment$dev' would count no costs"),
    ],
)
def test_a_resource_that_fails_rolls_the_stack_back(
    stack: DeployedStack, resource: dict[str, Any], reason: str
) -> None:
    """The steps of the resource itself are undone, too; an event gives its name and the reason."""
    resources = {"Queue": QUEUE, "Odd": {**resource, "DependsOn": "Queue"}}
    assert stack.create({"Resources": resources}) == "ROLLBACK_COMPLETE"
    [(_, name, sentence)] = [event for event in stack.events() if event[0] == "CREATE_FAILED"]
    assert name == "Odd"
    assert reason in sentence
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ({"Resources": {"A": {"Type": "AWS::EC2::VPC"}}}, "does not know resources of type AWS::EC2::VPC"),
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
def test_a_wrong_template_is_refused_before_anything_is_created(
    stack: DeployedStack, template: dict[str, Any], sentence: str
) -> None:
    """There is no change set, and no stack."""
    with pytest.raises(ClientError, match=sentence):
        stack.create(template)


def test_tags_of_stacks_are_refused(stack: DeployedStack) -> None:
    """AWS would pass them on to the resources, and the local AWS would not."""
    with pytest.raises(ClientError, match="Tags of stacks are not passed on"):
        stack.create({"Resources": {"A": QUEUE}}, Tags=[{"Key": "a", "Value": "b"}])


def test_stacks_are_created_and_updated_by_change_sets(stack: DeployedStack) -> None:
    """Other calls are refused."""
    for call in (stack.client.create_stack, stack.client.update_stack):
        with pytest.raises(ClientError, match="Stacks are created and updated by change sets"):
            call(StackName=STACK, TemplateBody=json.dumps({"Resources": {"A": QUEUE}}))


def test_a_retained_resource_outlives_its_stack(aws: Host, stack: DeployedStack) -> None:
    """It is a leftover until it is deleted by hand."""
    kept = {**QUEUE, "DeletionPolicy": "Retain"}
    stack.create({"Resources": {"Kept": kept, "Other": QUEUE}})
    assert stack.delete() == "DELETE_COMPLETE"
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


def test_a_bucket_may_only_notify_a_queue_whose_policy_allows_it(aws: Host, stack: DeployedStack) -> None:
    """S3 checks the policy when the notification is configured."""
    assert stack.create({"Resources": _listening_bucket(service="sns.amazonaws.com")}) == "ROLLBACK_COMPLETE"
    [reason] = [reason for status, _, reason in stack.events() if status == "CREATE_FAILED"]
    assert "Unable to validate the following destination configurations" in reason
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.create({"Resources": _listening_bucket(service="s3.amazonaws.com")}) == "CREATE_COMPLETE"
    [configured] = aws.client("s3").get_bucket_notification_configuration(Bucket="listening-bucket")[
        "QueueConfigurations"
    ]
    assert configured["Events"] == ["s3:ObjectCreated:*"]
    assert configured["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "images/"}]
    assert stack.delete() == "DELETE_COMPLETE"


def _emptied_bucket(bucket: str, *, action: str) -> dict[str, Any]:
    """Return the resources that CDK makes of `auto_delete_objects`; the function has no code."""
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
    """Create a bucket with the code of a function, for the duration of a test."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="code", Key="code.zip", Body=b"PK\5\6" + bytes(18))
    yield
    s3.delete_object(Bucket="code", Key="code.zip")
    s3.delete_bucket(Bucket="code")


@pytest.mark.usefixtures("code")
def test_buckets_are_emptied_under_the_role_of_the_function(aws: Host, stack: DeployedStack) -> None:
    """More than a page of objects is deleted; a policy that denies calls without TLS has no effect."""
    s3 = aws.client("s3")
    assert stack.create({"Resources": _emptied_bucket("full", action="s3:DeleteObject*")}) == "CREATE_COMPLETE"
    for number in range(OBJECTS_PER_PAGE + 1):
        s3.put_object(Bucket="full", Key=f"images/an apple/{number}", Body=b"")
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.usefixtures("code")
def test_buckets_are_not_emptied_without_permission(aws: Host, stack: DeployedStack) -> None:
    """The events of the stack give the reason, and the next deletion succeeds once the bucket is empty."""
    s3 = aws.client("s3")
    stack.create({"Resources": _emptied_bucket("full", action="s3:DeleteBucket")})
    s3.put_object(Bucket="full", Key="images/1", Body=b"")
    stack_id = stack.describe()["StackId"]
    assert stack.delete() == "DELETE_FAILED"
    assert "the bucket full with 1 objects" in leftovers(aws)
    [reason] = [
        reason for status, name, reason in stack.events(stack_id) if (status, name) == ("DELETE_FAILED", "Emptying")
    ]
    assert "not authorized to perform: s3:DeleteObject" in reason
    s3.delete_object(Bucket="full", Key="images/1")
    assert stack.delete() == "DELETE_COMPLETE"


def test_accesses_are_not_logged(aws: Host, stack: DeployedStack) -> None:
    """S3 would write the logs some hours later: a bucket that was emptied stays empty."""
    bucket = {"LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}}}
    resources = {"Logs": {"Type": "AWS::S3::Bucket"}, "Data": {"Type": "AWS::S3::Bucket", "Properties": bucket}}
    assert stack.create({"Resources": resources}) == "CREATE_COMPLETE"
    names = [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
    assert all(
        "KeyCount" in page and not page["KeyCount"]
        for page in (aws.client("s3").list_objects_v2(Bucket=name) for name in names)
    )
    assert stack.delete() == "DELETE_COMPLETE"


def test_cloudtrail_has_no_events(aws: Host) -> None:
    """After a failure, the CDK command asks CloudTrail, and repeats the call until it succeeds."""
    assert aws.client("cloudtrail").lookup_events()["Events"] == []


@pytest.mark.parametrize(
    ("longest", "prefix"), [(64, "some-test-ALogicalIdThatGoesOnAndOnAndOnAndOnAndOnA-"), (255, None)]
)
def test_generated_names_are_as_long_as_possible(longest: int, prefix: str | None) -> None:
    """A name consists of the stack, the name in the template, and random characters."""
    logical_id = "ALogicalIdThatGoesOnAndOnAndOnAndOnAndOnAndOn"
    owner = Owner(STACK, "id", client=dict, ask=dict)
    names = {Resource(owner, logical_id, "A::B::C", {}).generate_name(longest) for _ in range(10)}
    assert len(names) == 10
    assert all(len(name) <= longest and name.startswith(prefix or f"{STACK}-{logical_id}-") for name in names)


def test_the_tables_of_limits_are_about_known_types() -> None:
    """An entry about another type would say nothing."""
    assert {key.partition(".")[0] for key in (*EMULATED, *NOT_REHEARSED)} <= MAKERS.keys()
