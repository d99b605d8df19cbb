"""An alarm reaches a subscriber only if the topic lets CloudWatch publish and the subscription is confirmed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.account import ACCOUNT, LOG, REGION
from localaws.host import Host, local_aws
from tests.localaws.cloud import policy, until

ADDRESS = "operator@example.org"

ALARMS = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Run a local AWS for all tests of this file."""
    with local_aws(1) as host:
        yield host


def _topic(host: Host, name: str) -> str:
    return str(host.client("sns").create_topic(Name=name)["TopicArn"])


def _subscribe(host: Host, topic: str) -> None:
    """Subscribe an address, and confirm the subscription as a reader of the e-mail does."""
    sns = host.client("sns")
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ADDRESS)
    [request] = [mail for mail in host.ask("deliveries") if mail["topic"] == topic]
    sns.confirm_subscription(TopicArn=topic, Token=request["token"])


def _subjects(host: Host, topic: str) -> list[str]:
    return [mail["subject"] for mail in host.ask("deliveries") if mail["topic"] == topic and "token" not in mail]


def _raise_alarm(host: Host, name: str, *topics: str) -> None:
    """Put a message into a dead-letter queue that has an alarm, and wait until the alarm goes off."""
    sqs, cloudwatch = host.client("sqs"), host.client("cloudwatch")
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
    source = sqs.create_queue(QueueName=f"{name}-source", Attributes=attributes)["QueueUrl"]
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": f"{name}-dead"}],
        Statistic="Maximum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[*topics],
    )
    sqs.send_message(QueueUrl=source, MessageBody="poison")
    for _ in range(2):
        sqs.receive_message(QueueUrl=source, VisibilityTimeout=0)
    until(lambda: cloudwatch.describe_alarms(AlarmNames=[name], StateValue="ALARM")["MetricAlarms"])


def _statement(topic: str, name: str, **condition: Any) -> dict[str, Any]:  # noqa: ANN401 -- of a policy
    service = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
    default = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"{ALARMS}:{name}"},
    }
    return {**service, "Resource": topic, "Condition": default | condition}


def _tls(topic: str) -> dict[str, Any]:
    """Return the statement of CDK's `enforce_ssl`, which is the whole policy if nothing is added to it."""
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic, "Condition": condition}


def test_an_alarm_is_delivered_to_a_confirmed_subscription(host: Host) -> None:
    """The policy that a topic has by default lets CloudWatch publish; SNS delivers nothing before the confirmation."""
    sns, topic, other = host.client("sns"), _topic(host, "default"), _topic(host, "default-other")
    _subscribe(host, other)
    assert sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ADDRESS)["SubscriptionArn"] == (
        "pending confirmation"
    )
    listed = lambda: sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]  # noqa: E731 -- asked twice
    assert [one["SubscriptionArn"] for one in listed()] == ["PendingConfirmation"]
    _raise_alarm(host, "unheard", topic, other)
    assert until(lambda: _subjects(host, other)) == ["ALARM: unheard"]
    assert _subjects(host, topic) == []
    [request] = [mail for mail in host.ask("deliveries") if mail["topic"] == topic]
    with pytest.raises(ClientError, match="Invalid token"):
        sns.confirm_subscription(TopicArn=topic, Token="guessed")  # noqa: S106 -- the word of a test
    arn = sns.confirm_subscription(TopicArn=topic, Token=request["token"])["SubscriptionArn"]
    assert [one["SubscriptionArn"] for one in listed()] == [arn]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"
    _raise_alarm(host, "heard", topic)
    assert until(lambda: _subjects(host, topic)) == ["ALARM: heard"]
    sns.unsubscribe(SubscriptionArn=arn)


@pytest.mark.parametrize(
    ("name", "change", "reached"),
    [
        ("allowed", {}, True),
        ("denied", None, False),
        ("other-alarms", {"ArnLike": {"aws:SourceArn": f"{ALARMS}:else-*"}}, False),
        ("other-account", {"StringEquals": {"aws:SourceAccount": "999999999999"}}, False),
    ],
)
def test_the_policy_of_a_topic_decides_whether_an_alarm_is_delivered(
    host: Host, name: str, change: dict[str, Any] | None, *, reached: bool
) -> None:
    """A policy must name the service and the alarm; one with nothing but a Deny silences all alarms, and a log says so.

    The alarm also goes to a second topic, so that the test knows when the first would have been told.
    """
    topic, other = _topic(host, name), _topic(host, f"{name}-other")
    for one in (other, topic):
        _subscribe(host, one)
    statements = [_tls(topic)] if change is None else [_tls(topic), _statement(topic, f"{name}*", **change)]
    host.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(*statements))
    _raise_alarm(host, name, topic, other)
    assert until(lambda: _subjects(host, other)) == [f"ALARM: {name}"]
    assert _subjects(host, topic) == [f"ALARM: {name}"] * reached
    assert (f"The alarm {name} reaches no subscriber" in host.log.read_text()) is not reached
    assert host.log.name == LOG


def test_a_queue_gets_messages_of_a_topic_that_its_policy_allows(host: Host) -> None:
    """SNS drops a message that the policy of the queue does not let it send."""
    sns, sqs, topic = host.client("sns"), host.client("sqs"), _topic(host, "to-a-queue")
    queue = sqs.create_queue(QueueName="listening")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:listening"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="lost")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement)})
    sns.publish(TopicArn=topic, Message="kept")
    [message] = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(message["Body"])["Message"] == "kept"


def test_other_subscriptions_are_refused(host: Host) -> None:
    """A subscription that would never be told is not stored."""
    with pytest.raises(ClientError, match="not https"):
        host.client("sns").subscribe(TopicArn=_topic(host, "web"), Protocol="https", Endpoint="https://example.org")
