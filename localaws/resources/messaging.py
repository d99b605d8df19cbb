"""Queues, topics, their policies, and subscriptions."""

import json

from localaws.resources.resource import Made, Maker, Resource
from localaws.template import as_text


def _queue(resource: Resource) -> Made:
    sqs = resource.client("sqs")
    name = resource.name("QueueName", longest=80)
    settings = resource.take_all("MessageRetentionPeriod SqsManagedSseEnabled VisibilityTimeout")
    attributes = {key: as_text(value) for key, value in settings.items()}
    if redrive := resource.take("RedrivePolicy"):
        attributes["RedrivePolicy"] = json.dumps(redrive)
    url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=resource.tags())["QueueUrl"]
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
    arn = sns.create_topic(Name=name, Attributes=resource.take_all("DisplayName"), Tags=resource.tag_list())["TopicArn"]
    resource.undo(sns.delete_topic, TopicArn=arn)
    return Made(arn, {"TopicArn": arn, "TopicName": name})


def _topic_policy(resource: Resource) -> Made:
    """Set the policy of topics; the removal restores the policy that each topic had before."""
    sns, document = resource.client("sns"), json.dumps(resource.require("PolicyDocument"))
    for arn in resource.require("Topics"):
        before = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
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
