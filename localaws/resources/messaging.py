"""Queues, topics, their policies, and subscriptions."""

import json
from functools import partial

from localaws.account import ACCOUNT, REGION
from localaws.resources.resource import Made, Maker, Resource
from localaws.template import as_text

QUEUE_DEFAULTS = {
    "MessageRetentionPeriod": "345600",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
"""Attributes of a queue whose template does not have these properties."""


def _queue(resource: Resource) -> Made:
    sqs = resource.client("sqs")
    name = resource.name("QueueName", longest=80)
    settings = resource.take_all("MessageRetentionPeriod SqsManagedSseEnabled VisibilityTimeout")
    attributes = {key: as_text(value) for key, value in settings.items()}
    if redrive := resource.take("RedrivePolicy"):
        attributes["RedrivePolicy"] = json.dumps(redrive)
    tags = resource.tags()
    resource.require_absent(name, sqs.get_queue_url, QueueName=name)
    if resource.before:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={**QUEUE_DEFAULTS, **attributes})
    else:
        url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=tags)["QueueUrl"]
    resource.undo(sqs.delete_queue, QueueUrl=url)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Made(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def _queue_policy(resource: Resource) -> Made:
    sqs, document = resource.client("sqs"), json.dumps(resource.require("PolicyDocument"))
    for url in resource.require("Queues"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
        resource.undo(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": ""})
    return Made(resource.generate_name(128))


def _topic(resource: Resource) -> Made:
    sns = resource.client("sns")
    name = resource.name("TopicName", longest=256)
    arn, settings, tags = (
        f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}",
        resource.take_all("DisplayName"),
        resource.tag_list(),
    )
    resource.require_absent(name, sns.get_topic_attributes, TopicArn=arn)
    if resource.before:
        title = settings.get("DisplayName", "")
        sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue=title)
    else:
        sns.create_topic(Name=name, Attributes=settings, Tags=tags)
    resource.undo(sns.delete_topic, TopicArn=arn)
    return Made(arn, {"TopicArn": arn, "TopicName": name})


def _topic_policy(resource: Resource) -> Made:
    """Set the policy of topics; the removal restores the policy that each topic had before."""
    sns, document = resource.client("sns"), json.dumps(resource.require("PolicyDocument"))
    for arn in resource.require("Topics"):
        topic = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        before = resource.remember(f"policy of {arn}", partial(topic.get, "Policy"))
        policy = {"TopicArn": arn, "AttributeName": "Policy"}
        sns.set_topic_attributes(**policy, AttributeValue=document)
        resource.undo(sns.set_topic_attributes, **policy, AttributeValue=before)
    return Made(resource.generate_name(128))


def _subscription(resource: Resource) -> Made:
    sns = resource.client("sns")
    settings = resource.take_all("Endpoint Protocol TopicArn")
    arn = sns.subscribe(ReturnSubscriptionArn=True, **settings)["SubscriptionArn"]
    resource.undo(sns.unsubscribe, SubscriptionArn=arn)
    return Made(arn, {"Arn": arn})


MAKERS: dict[str, Maker] = {
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
}
