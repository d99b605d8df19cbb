"""Stacks are updated as CloudFormation does it: in order, completely or not at all, and with replacements."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from localaws.account import REGION
from localaws.leftovers import leftovers
from localaws.resources import CHANGES, MAKERS
from tests.localaws.stack import STACK, DeployedStack

ROLE = {
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
    "Version": "2012-10-17",
}


def _queue(seconds: int = 7, **properties: object) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": seconds, **properties}}


def _topic(title: object, **properties: object) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": title, **properties}}


def _template(**resources: dict[str, Any]) -> dict[str, Any]:
    outputs = {name: {"Value": {"Ref": name}} for name in resources}
    return {"Resources": resources, "Outputs": outputs}


BROKEN = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": "long"}}
"""A resource whose creation fails."""


@pytest.fixture
def logs(stack: DeployedStack) -> Iterator[Any]:
    """Return a client of CloudWatch Logs; delete its groups after the test."""
    client = stack.aws.client("logs")
    yield client
    for group in client.describe_log_groups()["logGroups"]:
        client.delete_log_group(logGroupName=group["logGroupName"])


def _attributes(stack: DeployedStack, name: str = "Queue") -> dict[str, str]:
    sqs = stack.aws.client("sqs")
    return dict(sqs.get_queue_attributes(QueueUrl=stack.resource(name), AttributeNames=["All"])["Attributes"])


def test_resources_are_created_changed_and_deleted_in_order(stack: DeployedStack) -> None:
    """What is new comes first, what is gone last; a resource keeps its name, and what is the same is left alone."""
    old = {"Old": _queue(), "OnIt": {**_topic("on it"), "DependsOn": "Old"}}
    assert stack.create(_template(**old, Queue=_queue(7), Same=_topic("same"))) == "CREATE_COMPLETE"
    before = stack.outputs()
    after = _template(Queue=_queue(8), Same=_topic("same"), New=_topic({"Fn::GetAtt": ["Queue", "QueueName"]}))
    changes = [("Modify", "Queue", "False"), ("Add", "New", None), ("Remove", "Old", None), ("Remove", "OnIt", None)]
    assert stack.changes(after) == changes
    assert stack.update(after) == "UPDATE_COMPLETE"
    assert _attributes(stack)["VisibilityTimeout"] == "8"
    now = stack.outputs()
    assert (now["Queue"], now["Same"]) == (before["Queue"], before["Same"])
    assert now.keys() == {"Queue", "Same", "New"}
    assert stack.last_operation() == [
        f"UPDATE_IN_PROGRESS {STACK}",
        "UPDATE_IN_PROGRESS Queue",
        "UPDATE_COMPLETE Queue",
        "CREATE_IN_PROGRESS New",
        "CREATE_COMPLETE New",
        f"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS {STACK}",
        "DELETE_IN_PROGRESS OnIt",
        "DELETE_COMPLETE OnIt",
        "DELETE_IN_PROGRESS Old",
        "DELETE_COMPLETE Old",
        f"UPDATE_COMPLETE {STACK}",
    ]
    events = stack.client.describe_stack_events(StackName=STACK)["StackEvents"]
    moments = [int(event["Timestamp"].timestamp() * 1000) for event in reversed(events)]
    assert moments == sorted(set(moments)), "the CDK command would print the events in another order"
    assert stack.client.get_template(StackName=STACK)["TemplateBody"] == after
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_change_set_without_changes_fails(stack: DeployedStack) -> None:
    """The CDK command knows it by its reason, and ends with success; it can't be executed."""
    template = {**_template(Queue=_queue()), "Parameters": {"P": {"Type": "String", "Default": "a"}}}
    stack.create(template)
    for parameters in ([], [{"ParameterKey": "P", "UsePreviousValue": True}]):
        change_set = stack.change_set(template, "UPDATE", Parameters=parameters)
        assert (change_set["Status"], change_set["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        assert change_set["StatusReason"].startswith("The submitted information didn't contain changes.")
    with pytest.raises(ClientError, match="cannot be executed"):
        stack.client.execute_change_set(ChangeSetName=change_set["ChangeSetId"], StackName=STACK)
    assert stack.status() == "CREATE_COMPLETE"
    changed = stack.change_set(template, "UPDATE", Parameters=[{"ParameterKey": "P", "ParameterValue": "b"}])
    assert changed["Status"] == "CREATE_COMPLETE"
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_change_set_belongs_to_its_stack(stack: DeployedStack) -> None:
    """The CDK command uses one name for all stacks, deletes the old change set, and waits until it is gone."""
    stack.create(_template(Queue=_queue()))
    named = {"ChangeSetName": "change", "StackName": STACK}
    stack.client.delete_change_set(ChangeSetName="change", StackName="another")
    assert stack.client.describe_change_set(**named)["StackName"] == STACK
    for _ in range(2):
        stack.client.delete_change_set(**named)
        with pytest.raises(ClientError) as error:
            stack.client.describe_change_set(**named)
        assert error.value.response["Error"]["Code"] == "ChangeSetNotFound"
    assert stack.delete() == "DELETE_COMPLETE"


def test_parameters_and_outputs_are_updated(stack: DeployedStack) -> None:
    """An update may change nothing else; the value of a parameter is that of the last update."""
    template = _template(Queue=_queue())
    template["Parameters"] = {"Title": {"Type": "String", "Default": "first"}}
    template["Outputs"]["Title"] = {"Value": {"Ref": "Title"}}
    stack.create(template)
    second = [{"ParameterKey": "Title", "ParameterValue": "second"}]
    assert stack.update(template, Parameters=second) == "UPDATE_COMPLETE"
    assert stack.outputs()["Title"] == "second"
    template["Outputs"]["More"] = {"Value": {"Fn::Sub": "${Title} ${Queue.QueueName}"}}
    previous = [{"ParameterKey": "Title", "UsePreviousValue": True}]
    assert stack.update(template, Parameters=previous) == "UPDATE_COMPLETE"
    assert stack.outputs()["More"].startswith("second some-test-Queue-")
    assert stack.describe()["Parameters"] == [{"ParameterKey": "Title", "ParameterValue": "second"}]
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_create_only_property_replaces_the_resource(stack: DeployedStack) -> None:
    """The new resource comes before the deletion of the old one, and what refers to it is updated in between."""
    named = {"Fn::Select": [5, {"Fn::Split": [":", {"Fn::GetAtt": ["Queue", "Arn"]}]}]}
    stack.create(_template(Queue=_queue(QueueName="one"), Topic=_topic(named)))
    assert stack.changes(after := _template(Queue=_queue(QueueName="two"), Topic=_topic(named))) == [
        ("Modify", "Queue", "True"),
        ("Modify", "Topic", "False"),
    ]
    assert stack.update(after) == "UPDATE_COMPLETE"
    assert stack.resource("Queue").endswith("/two")
    told = stack.last_operation()
    assert (
        told.index("UPDATE_COMPLETE Queue") < told.index("UPDATE_COMPLETE Topic") < told.index("DELETE_COMPLETE Queue")
    )
    [url] = stack.aws.client("sqs").list_queues()["QueueUrls"]
    assert url == stack.outputs()["Queue"]
    sns = stack.aws.client("sns")
    assert sns.get_topic_attributes(TopicArn=stack.resource("Topic"))["Attributes"]["DisplayName"] == "two"
    assert stack.delete() == "DELETE_COMPLETE"


def _lifecycle(days: int) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [{"Id": "a", "Status": "Enabled", "ExpirationInDays": days}]}}


TABLE = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}

GROUP = {"Name": "group", "RecursiveDeleteOption": True}

UPDATES: list[tuple[str, dict[str, Any], dict[str, Any], str, str, dict[str, Any], str]] = [
    (
        "AWS::SQS::Queue",
        {},
        {"VisibilityTimeout": 7},
        "sqs",
        "get_queue_attributes",
        {"QueueUrl": "{}", "AttributeNames": ["All"]},
        "'VisibilityTimeout': '7'",
    ),
    ("AWS::SNS::Topic", {}, {"DisplayName": "b"}, "sns", "get_topic_attributes", {"TopicArn": "{}"}, "'b'"),
    ("AWS::Logs::LogGroup", {}, {"RetentionInDays": 7}, "logs", "describe_log_groups", {}, "'retentionInDays': 7"),
    (
        "AWS::S3::Bucket",
        _lifecycle(7),
        _lifecycle(14),
        "s3",
        "get_bucket_lifecycle_configuration",
        {"Bucket": "{}"},
        "'Days': 14",
    ),
    (
        "AWS::DynamoDB::Table",
        TABLE,
        {**TABLE, "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True}},
        "dynamodb",
        "describe_time_to_live",
        {"TableName": "{}"},
        "'TimeToLiveStatus': 'ENABLED'",
    ),
    (
        "AWS::SSM::Parameter",
        {"Name": "p", "Type": "String", "Value": "a"},
        {"Name": "p", "Type": "String", "Value": "b"},
        "ssm",
        "get_parameter",
        {"Name": "p"},
        "'Value': 'b'",
    ),
    (
        "AWS::CloudWatch::Dashboard",
        {"DashboardBody": '{"widgets": []}'},
        {"DashboardBody": '{"widgets": [], "start": "-PT1H"}'},
        "cloudwatch",
        "get_dashboard",
        {"DashboardName": "{}"},
        "-PT1H",
    ),
    (
        "AWS::Glue::Database",
        {"CatalogId": "123456789012", "DatabaseInput": {"Name": "d", "Description": "a"}},
        {"CatalogId": "123456789012", "DatabaseInput": {"Name": "d", "Description": "b"}},
        "glue",
        "get_database",
        {"Name": "{}"},
        "'Description': 'b'",
    ),
    (
        "AWS::Athena::WorkGroup",
        {**GROUP, "WorkGroupConfiguration": {"BytesScannedCutoffPerQuery": 10_000_000}},
        {**GROUP, "WorkGroupConfiguration": {"BytesScannedCutoffPerQuery": 20_000_000}},
        "athena",
        "get_work_group",
        {"WorkGroup": "{}"},
        "'BytesScannedCutoffPerQuery': 20000000",
    ),
]
"""Type, properties before and after, and the call of a service whose answer contains a text only after the update."""


@pytest.mark.parametrize(("kind", "before", "after", "service", "call", "arguments", "expected"), UPDATES)
def test_a_property_is_updated_in_place_and_restored(  # noqa: PLR0913, PLR0917 -- the columns of a table
    stack: DeployedStack,
    kind: str,
    before: dict[str, Any],
    after: dict[str, Any],
    service: str,
    call: str,
    arguments: dict[str, Any],
    expected: str,
) -> None:
    """The service has the new value after the update, and the old one after an update that is rolled back."""

    def found() -> str:
        named = {name: stack.resource("One") if value == "{}" else value for name, value in arguments.items()}
        return str(getattr(stack.aws.client(service), call)(**named))

    stack.create(_template(One={"Type": kind, "Properties": before}))
    physical_id, one = stack.resource("One"), {"Type": kind, "Properties": after}
    assert expected not in found()
    assert stack.update(_template(One=one, Broken={**BROKEN, "DependsOn": "One"})) == "UPDATE_ROLLBACK_COMPLETE"
    assert expected not in found()
    assert stack.update(_template(One=one)) == "UPDATE_COMPLETE"
    assert expected in found()
    assert stack.resource("One") == physical_id
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_replacement_needs_another_name(stack: DeployedStack) -> None:
    """A resource with a fixed name can't be replaced under that name; nothing changes then."""
    budget = {"BudgetName": "fixed", "BudgetType": "COST", "TimeUnit": "MONTHLY"}
    budget["BudgetLimit"] = {"Amount": 10, "Unit": "USD"}  # type: ignore[assignment] # the values of `budget` differ
    notice = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80}
    told = [{"Notification": notice, "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "a@example.org"}]}]
    kind = "AWS::Budgets::Budget"
    stack.create(_template(Budget={"Type": kind, "Properties": {"Budget": budget}}))
    more = {"Budget": budget, "NotificationsWithSubscribers": told}
    assert stack.update(_template(Budget={"Type": kind, "Properties": more})) == "UPDATE_ROLLBACK_COMPLETE"
    [reason] = stack.reasons("UPDATE_FAILED")
    assert "already exists" in reason
    cheaper = {**budget, "BudgetLimit": {"Amount": 5, "Unit": "USD"}}
    assert stack.update(_template(Budget={"Type": kind, "Properties": {"Budget": cheaper}})) == "UPDATE_COMPLETE"
    assert stack.delete() == "DELETE_COMPLETE"


def test_an_update_that_fails_is_rolled_back(stack: DeployedStack) -> None:
    """Changed and replaced resources are as before, new ones are gone, and template and outputs are the old ones."""
    before = _template(Changed=_queue(7), Replaced=_queue(QueueName="one"), Gone=_topic("gone"))
    stack.create(before)
    outputs = stack.outputs()
    broken = {**BROKEN, "DependsOn": ["Changed", "Replaced", "New"]}
    after = _template(Changed=_queue(8), Replaced=_queue(QueueName="two"), New=_topic("new"), Broken=broken)
    assert stack.update(after) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.reasons("UPDATE_ROLLBACK_IN_PROGRESS") == ["The following resource(s) failed to update: [Broken]."]
    assert stack.outputs() == outputs
    assert _attributes(stack, "Changed")["VisibilityTimeout"] == "7"
    assert len(stack.aws.client("sqs").list_queues()["QueueUrls"]) == 2
    assert len(stack.aws.client("sns").list_topics()["Topics"]) == 1
    assert "Gone" in {one["LogicalResourceId"] for one in _resources(stack)}
    assert "New" not in {one["LogicalResourceId"] for one in _resources(stack)}
    assert stack.update(_template(Changed=_queue(9))) == "UPDATE_COMPLETE"
    assert stack.delete() == "DELETE_COMPLETE"


def _resources(stack: DeployedStack) -> list[dict[str, Any]]:
    return list(stack.client.list_stack_resources(StackName=STACK)["StackResourceSummaries"])


def test_a_resource_whose_update_fails_gets_its_old_properties_back(stack: DeployedStack) -> None:
    """A role that got one of two policies before the failure loses it again; the deletion leaves nothing."""
    read = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    role = {"AssumeRolePolicyDocument": ROLE}
    stack.create(_template(Role={"Type": "AWS::IAM::Role", "Properties": role}))
    more = {**role, "ManagedPolicyArns": [read, "arn:aws:iam::aws:policy/NoSuchPolicy"]}
    assert stack.update(_template(Role={"Type": "AWS::IAM::Role", "Properties": more})) == "UPDATE_ROLLBACK_COMPLETE"
    iam, name = stack.aws.client("iam"), stack.resource("Role")
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    more["ManagedPolicyArns"] = [read]
    assert stack.update(_template(Role={"Type": "AWS::IAM::Role", "Properties": more})) == "UPDATE_COMPLETE"
    assert len(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]) == 1
    assert stack.update(_template(Role={"Type": "AWS::IAM::Role", "Properties": role})) == "UPDATE_COMPLETE"
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_role_that_leaves_a_policy_loses_it(stack: DeployedStack) -> None:
    """A policy of two roles becomes one of a single role."""
    roles = {name: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ROLE}} for name in ("A", "B")}
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}

    def policy(*names: str) -> dict[str, Any]:
        properties = {"PolicyName": "p", "PolicyDocument": document, "Roles": [{"Ref": name} for name in names]}
        return {"Type": "AWS::IAM::Policy", "Properties": properties}

    stack.create(_template(**roles, Policy=policy("A", "B")))
    assert stack.update(_template(**roles, Policy=policy("B"))) == "UPDATE_COMPLETE"
    iam = stack.aws.client("iam")
    assert iam.list_role_policies(RoleName=stack.resource("A"))["PolicyNames"] == []
    assert iam.list_role_policies(RoleName=stack.resource("B"))["PolicyNames"] == ["p"]
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_cleanup_that_fails_leaves_an_orphan(stack: DeployedStack) -> None:
    """The update is complete; an event tells the reason, and the resource belongs to no stack any more."""
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full"}}
    stack.create(_template(Bucket=bucket, Queue=_queue()))
    s3 = stack.aws.client("s3")
    s3.put_object(Bucket="full", Key="key", Body=b"")
    assert stack.update(_template(Queue=_queue())) == "UPDATE_COMPLETE"
    assert "DELETE_FAILED Bucket" in stack.last_operation()
    assert "BucketNotEmpty" in stack.reasons("DELETE_FAILED")[0]
    assert stack.delete() == "DELETE_COMPLETE"
    assert leftovers(stack.aws) == ["the bucket full with 1 objects"]
    s3.delete_object(Bucket="full", Key="key")
    s3.delete_bucket(Bucket="full")


def test_what_the_local_aws_cannot_update_is_refused_at_the_change_set(stack: DeployedStack) -> None:
    """Nothing is silently ignored: no property, no removal or addition, no other type; the stack stays as it is."""

    def bucket(**properties: object) -> dict[str, Any]:
        return {"Type": "AWS::S3::Bucket", "Properties": properties}

    locked = {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    stack.create(_template(One=bucket(**locked)))
    for other, reason in (
        (bucket(**locked, Tags=[{"Key": "a", "Value": "b"}]), "can't update Tags of AWS::S3::Bucket"),
        (bucket(), "can't update PublicAccessBlockConfiguration of AWS::S3::Bucket"),
        (bucket(**locked, **versioned), "can't update VersioningConfiguration of AWS::S3::Bucket"),
        (_topic("no bucket"), r"modifies resource type of the following resources: \[One\]"),
        ({"Type": "AWS::EC2::VPC"}, "does not know resources of type AWS::EC2::VPC"),
    ):
        with pytest.raises(ClientError, match=reason):
            stack.change_set(_template(One=other), "UPDATE")
    assert stack.status() == "CREATE_COMPLETE"
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_stack_whose_creation_failed_can_only_be_deleted(stack: DeployedStack) -> None:
    """It can be created again after that; a stack that exists can't."""
    assert stack.create(_template(Broken=BROKEN)) == "ROLLBACK_COMPLETE"
    for kind, reason in (
        ("UPDATE", "is in ROLLBACK_COMPLETE state and can not be updated"),
        ("CREATE", "already exists"),
    ):
        with pytest.raises(ClientError, match=reason):
            stack.change_set(_template(Queue=_queue()), kind)
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.create(_template(Queue=_queue())) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="already exists"):
        stack.change_set(_template(Queue=_queue(8)), "CREATE")
    assert stack.delete() == "DELETE_COMPLETE"


def _group(name: str, policy: str = "Delete", replace: str = "Delete", **more: object) -> dict[str, Any]:
    policies = {"DeletionPolicy": policy, "UpdateReplacePolicy": replace}
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}, **policies, **more}


def _names(logs: Any) -> set[str]:  # noqa: ANN401 -- boto3's client
    return {group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]}


POLICIES = ("Delete", "Retain", "RetainExceptOnCreate")


def test_a_creation_that_fails_keeps_what_must_be_retained(stack: DeployedStack, logs: Any) -> None:  # noqa: ANN401 -- boto3's client
    """It deletes RetainExceptOnCreate; what is kept makes the next creation fail, as its name is taken."""
    groups = {policy: _group(policy, policy) for policy in POLICIES}
    template = _template(**groups, Broken={**BROKEN, "DependsOn": list(POLICIES)})
    assert stack.create(template) == "ROLLBACK_COMPLETE"
    assert _names(logs) == {"Retain"}
    assert stack.delete() == "DELETE_COMPLETE"
    assert stack.create(_template(**groups)) == "ROLLBACK_COMPLETE"
    assert "already exists" in stack.reasons("CREATE_FAILED")[0]
    assert stack.delete() == "DELETE_COMPLETE"


def test_deletions_follow_the_policies(stack: DeployedStack, logs: Any) -> None:  # noqa: ANN401 -- boto3's client
    """Both policies of retention keep a resource when the stack is deleted, or when the template loses it."""
    stack.create(_template(Queue=_queue(), **{policy: _group(policy, policy) for policy in POLICIES}))
    assert stack.update(_template(Queue=_queue(), Retain=_group("Retain", "Retain"))) == "UPDATE_COMPLETE"
    assert _names(logs) == {"Retain", "RetainExceptOnCreate"}
    assert "DELETE_SKIPPED RetainExceptOnCreate" in stack.last_operation()
    assert stack.delete() == "DELETE_COMPLETE"
    assert _names(logs) == {"Retain", "RetainExceptOnCreate"}


def test_replacements_follow_their_own_policy(stack: DeployedStack, logs: Any) -> None:  # noqa: ANN401 -- boto3's client
    """UpdateReplacePolicy keeps the old resource; DeletionPolicy does not count here."""
    stack.create(_template(Kept=_group("kept", "Delete", "Retain"), Lost=_group("lost", "Retain", "Delete")))
    after = _template(Kept=_group("kept 2", "Delete", "Retain"), Lost=_group("lost 2", "Delete", "Delete"))
    assert stack.update(after) == "UPDATE_COMPLETE"
    assert _names(logs) == {"kept", "kept 2", "lost 2"}
    assert stack.delete() == "DELETE_COMPLETE"
    assert _names(logs) == {"kept"}


def test_a_rollback_keeps_what_the_update_created_to_be_retained(stack: DeployedStack, logs: Any) -> None:  # noqa: ANN401 -- boto3's client
    """As after a failed creation, it deletes RetainExceptOnCreate."""
    stack.create(_template(Queue=_queue()))
    new = {policy: _group(policy, policy) for policy in POLICIES}
    after = _template(Queue=_queue(), **new, Broken={**BROKEN, "DependsOn": list(POLICIES)})
    assert stack.update(after) == "UPDATE_ROLLBACK_COMPLETE"
    assert _names(logs) == {"Retain"}
    assert stack.delete() == "DELETE_COMPLETE"


TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("AWS::SQS::Queue", {"QueueName": "taken"}),
    ("AWS::SNS::Topic", {"TopicName": "taken"}),
    ("AWS::CloudWatch::Dashboard", {"DashboardName": "taken", "DashboardBody": "{}"}),
    ("AWS::S3::Bucket", {"BucketName": "taken"}),
    ("AWS::Logs::LogGroup", {"LogGroupName": "taken"}),
    ("AWS::IAM::Role", {"RoleName": "taken", "AssumeRolePolicyDocument": ROLE}),
    ("AWS::SSM::Parameter", {"Name": "taken", "Type": "String", "Value": "a"}),
    (
        "AWS::CloudWatch::Alarm",
        {"AlarmName": "taken", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1}
        | {"MetricName": "m", "Namespace": "n", "Period": 60, "Statistic": "Sum"},
    ),
    (
        "AWS::DynamoDB::Table",
        {"TableName": "taken", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
        | {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"},
    ),
]


@pytest.mark.parametrize(("kind", "properties"), TAKEN)
def test_a_name_that_is_taken_makes_a_creation_fail(
    stack: DeployedStack, kind: str, properties: dict[str, Any]
) -> None:
    """No resource is overwritten or adopted: neither a retained one nor that of another resource."""
    one = {"Type": kind, "Properties": properties}
    template = {"Resources": {"First": one, "Second": {**one, "DependsOn": "First"}}}
    assert stack.create(template) == "ROLLBACK_COMPLETE"
    assert [event[1] for event in stack.events() if event[0] == "CREATE_FAILED"] == ["Second"]
    assert stack.delete() == "DELETE_COMPLETE"


def test_an_application_is_deleted_and_updated_when_it_is_stopped_only(stack: DeployedStack) -> None:
    """CloudFormation does not stop it: the deletion fails while it is STARTED, and succeeds when repeated later.

    Neither the failed update nor its failed rollback loses the resource.
    """

    def application(release: str) -> dict[str, Any]:
        stop = {"Enabled": True, "IdleTimeoutMinutes": 5}
        settings = {"Name": "app", "ReleaseLabel": release, "Type": "SPARK", "AutoStopConfiguration": stop}
        return _template(App={"Type": "AWS::EMRServerless::Application", "Properties": settings})

    stack.create(application("emr-spark-8.0.0"))
    emr, app = stack.aws.client("emr-serverless"), stack.resource("App")
    emr.start_application(applicationId=app)
    wrong = f"Application {app} must be in one of the following statuses [CREATED, STOPPED]. Current status: STARTED"
    assert stack.update(application("emr-spark-8.1.0")) == "UPDATE_ROLLBACK_FAILED"
    assert all(wrong in reason for reason in stack.reasons("UPDATE_FAILED"))
    stack_id = stack.describe()["StackId"]
    assert stack.delete() == "DELETE_FAILED"
    assert wrong in stack.reasons("DELETE_FAILED", stack_id)[0]
    emr.stop_application(applicationId=app)
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_stopped_application_is_updated(stack: DeployedStack) -> None:
    """It keeps its id and gets its new settings; another name replaces it."""

    def application(name: str, release: str) -> dict[str, Any]:
        settings = {"Name": name, "ReleaseLabel": release, "Type": "SPARK"}
        return _template(App={"Type": "AWS::EMRServerless::Application", "Properties": settings})

    stack.create(application("one", "emr-spark-8.0.0"))
    before = stack.resource("App")
    assert stack.update(application("one", "emr-spark-8.1.0")) == "UPDATE_COMPLETE"
    assert stack.resource("App") == before
    emr = stack.aws.client("emr-serverless")
    assert emr.get_application(applicationId=before)["application"]["releaseLabel"] == "emr-spark-8.1.0"
    assert stack.update(application("two", "emr-spark-8.1.0")) == "UPDATE_COMPLETE"
    assert stack.resource("App") != before
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if not kind.startswith("Custom::")])
def test_the_create_only_properties_are_those_of_aws(kind: str) -> None:
    """A type that is missing in the table could not be updated, or would be updated where AWS replaces it."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    paths = [path.removeprefix("/properties/").replace("/", ".") for path in schema.get("createOnlyProperties", [])]
    assert sorted(CHANGES[kind].create_only.split()) == sorted(paths)
    assert set(f"{CHANGES[kind].in_place} {CHANGES[kind].removable}".split()) <= {"*", *schema["properties"]}


def test_the_table_of_changes_is_about_known_types() -> None:
    """An entry about another type would say nothing."""
    assert CHANGES.keys() <= MAKERS.keys()
