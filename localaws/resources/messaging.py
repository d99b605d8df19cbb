"""Queues, topics, and who may send to them."""

import json
from typing import Any

from localaws.resources.resource import Made, Resource, as_tag_list, as_texts


def make_queue(resource: Resource) -> Made:
    """Make an ``AWS::SQS::Queue``."""
    sqs = resource.client("sqs")
    name = resource.take("QueueName") or resource.generate_name(80)
    attributes = as_texts(resource.same("MessageRetentionPeriod", "SqsManagedSseEnabled", "VisibilityTimeout"))
    if redrive := resource.take("RedrivePolicy"):
        attributes["RedrivePolicy"] = json.dumps(redrive)
    url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=resource.tags())["QueueUrl"]
    resource.undo(sqs.delete_queue, QueueUrl=url)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Made(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def make_queue_policy(resource: Resource) -> Made:
    """Make an ``AWS::SQS::QueuePolicy``."""
    sqs, document = resource.client("sqs"), json.dumps(resource.demand("PolicyDocument"))
    for url in resource.demand("Queues"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
        resource.undo(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": ""})
    return Made(resource.generate_name(128))


def make_topic(resource: Resource) -> Made:
    """Make an ``AWS::SNS::Topic``."""
    sns = resource.client("sns")
    name = resource.take("TopicName") or resource.generate_name(256)
    attributes = resource.same("DisplayName")
    arn = sns.create_topic(Name=name, Attributes=attributes, Tags=as_tag_list(resource.tags()))["TopicArn"]
    resource.undo(sns.delete_topic, TopicArn=arn)
    return Made(arn, {"TopicArn": arn, "TopicName": name})


def make_topic_policy(resource: Resource) -> Made:
    """Make an ``AWS::SNS::TopicPolicy``; once it is removed, topics have the policy they had before."""
    sns, document = resource.client("sns"), json.dumps(resource.demand("PolicyDocument"))
    for arn in resource.demand("Topics"):
        before = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
        policy: dict[str, Any] = {"TopicArn": arn, "AttributeName": "Policy"}
        sns.set_topic_attributes(**policy, AttributeValue=document)
        resource.undo(sns.set_topic_attributes, **policy, AttributeValue=before)
    return Made(resource.generate_name(128))


def make_subscription(resource: Resource) -> Made:
    """Make an ``AWS::SNS::Subscription``."""
    sns, topic = resource.client("sns"), resource.demand("TopicArn")
    arn = sns.subscribe(TopicArn=topic, ReturnSubscriptionArn=True, **resource.same("Endpoint", "Protocol"))[
        "SubscriptionArn"
    ]
    resource.undo(sns.unsubscribe, SubscriptionArn=arn)
    return Made(arn, {"Arn": arn})
