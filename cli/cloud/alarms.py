"""The alarms of an environment, and who gets an e-mail when one goes off."""

from dataclasses import dataclass
from datetime import datetime

from cli.cloud.environment import Deployment
from contract.alarms import alarm_prefix

TOPIC, SUBSCRIPTION = "AWS::SNS::Topic", "AWS::SNS::Subscription"
"""Kinds of resources of a stack."""

UNCONFIRMED = "PendingConfirmation"
"""What SNS lists in the place of the ARN of a subscription until its receiver has confirmed it."""


@dataclass(frozen=True, kw_only=True)
class RaisedAlarm:
    """An alarm that is in state ALARM.

    Attributes
    ----------
    name
        Name without that of the stack, such as ``ExecutionFailed``.
    meaning
        Description of the alarm.
    since
        Time since which it is in this state.
    """

    name: str
    meaning: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """The alarms of an environment: those in state ALARM, and the number of all."""

    raised: tuple[RaisedAlarm, ...]
    total: int


def alarms_of(deployment: Deployment) -> Alarms:
    """Ask CloudWatch for the alarms of an environment."""
    prefix, raised, total = alarm_prefix(deployment.environment), list[RaisedAlarm](), 0
    pages = deployment.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    for page in pages:
        found = [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]
        total += len(found)
        raised += [
            RaisedAlarm(
                name=alarm["AlarmName"].removeprefix(prefix),
                meaning=alarm.get("AlarmDescription", ""),
                since=alarm["StateUpdatedTimestamp"],
            )
            for alarm in found
            if alarm["StateValue"] == "ALARM"
        ]
    return Alarms(raised=tuple(raised), total=total)


@dataclass(frozen=True, kw_only=True)
class Receivers:
    """The receivers of alarms.

    Attributes
    ----------
    confirmed, pending
        Addresses that have confirmed their subscription, and addresses that have not.
    is_forgotten
        Whether the stack has a subscription, and its topics have none.
    """

    confirmed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    is_forgotten: bool = False


def receivers_of(deployment: Deployment) -> Receivers:
    """List the subscriptions of the topics of the stack."""
    confirmed, pending = list[str](), list[str]()
    for resource in deployment.resources:
        if resource.kind == TOPIC:
            paginator = deployment.client("sns").get_paginator("list_subscriptions_by_topic")
            for page in paginator.paginate(TopicArn=resource.physical_id):
                for subscription in page["Subscriptions"]:
                    is_pending = subscription["SubscriptionArn"] == UNCONFIRMED
                    (pending if is_pending else confirmed).append(subscription["Endpoint"])
    is_subscribed = any(resource.kind == SUBSCRIPTION for resource in deployment.resources)
    return Receivers(
        confirmed=tuple(confirmed),
        pending=tuple(pending),
        is_forgotten=is_subscribed and not confirmed and not pending,
    )
