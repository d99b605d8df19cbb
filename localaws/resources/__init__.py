"""Which resources there are, and how each is made: by the calls of its service that anybody could make."""

from collections.abc import Callable

from localaws.resources import compute, identity, messaging, observation, storage, toolkit, workflow
from localaws.resources.resource import Made, Resource

Maker = Callable[[Resource], Made]

MADE: dict[str, Maker] = {
    "AWS::Athena::NamedQuery": observation.make_named_query,
    "AWS::Athena::WorkGroup": observation.make_workgroup,
    "AWS::Budgets::Budget": observation.make_budget,
    "AWS::CloudWatch::Alarm": observation.make_alarm,
    "AWS::CloudWatch::Dashboard": observation.make_dashboard,
    "AWS::DynamoDB::Table": storage.make_table,
    "AWS::ECR::Repository": toolkit.make_repository,
    "AWS::EMRServerless::Application": compute.make_application,
    "AWS::Glue::Database": storage.make_database,
    "AWS::IAM::Policy": identity.make_policy,
    "AWS::IAM::Role": identity.make_role,
    "AWS::Lambda::EventSourceMapping": compute.make_event_source_mapping,
    "AWS::Lambda::Function": compute.make_function,
    "AWS::Logs::LogGroup": observation.make_log_group,
    "AWS::S3::Bucket": storage.make_bucket,
    "AWS::S3::BucketPolicy": storage.make_bucket_policy,
    "AWS::SNS::Subscription": messaging.make_subscription,
    "AWS::SNS::Topic": messaging.make_topic,
    "AWS::SNS::TopicPolicy": messaging.make_topic_policy,
    "AWS::SQS::Queue": messaging.make_queue,
    "AWS::SQS::QueuePolicy": messaging.make_queue_policy,
    "AWS::SSM::Parameter": toolkit.make_parameter,
    "AWS::StepFunctions::StateMachine": workflow.make_state_machine,
    "Custom::S3AutoDeleteObjects": storage.make_emptying,
}
"""Type → the function that makes resources of it."""

EMULATED: dict[str, str] = {
    "Custom::S3AutoDeleteObjects": "buckets are emptied as CDK's function does it and under its role, but not by it",
}
"""Type → what of it is not the real thing, but does the same."""

NOT_REHEARSED: dict[str, str] = {
    "AWS::Athena::NamedQuery": "Stored; there is no Athena that could run it.",
    "AWS::Athena::WorkGroup": "Stored; there is no Athena, nor its limit on what a query may read.",
    "AWS::Budgets::Budget": "Stored; nothing costs anything here.",
    "AWS::CloudWatch::Dashboard": "Stored; nobody draws it.",
    "AWS::DynamoDB::Table.TimeToLiveSpecification": "Stored; items don't expire.",
    "AWS::EMRServerless::Application.AutoStopConfiguration": "Stored; there is no machine that could be stopped.",
    "AWS::IAM::Role.AssumeRolePolicyDocument": "The service that takes the role on is checked; conditions are not.",
    "AWS::Lambda::Function.Architectures": "Stored; the code is Python's alone, and runs on any.",
    "AWS::Lambda::Function.MemorySize": "Told to the function, not enforced.",
    "AWS::Lambda::Function.TracingConfig": "Stored; there is no X-Ray.",
    "AWS::Logs::LogGroup.RetentionInDays": "Stored; logs don't expire.",
    "AWS::S3::Bucket.BucketEncryption": "Stored; objects are kept as they are, on this machine.",
    "AWS::S3::Bucket.LifecycleConfiguration": "Stored; nothing expires.",
    "AWS::S3::Bucket.LoggingConfiguration": "Stored; accesses are not logged.",
    "AWS::S3::Bucket.PublicAccessBlockConfiguration": "Stored; nobody from outside comes here.",
    "AWS::SNS::Subscription": "Stored; no e-mail is sent.",
    "AWS::SNS::TopicPolicy": "Stored; who may tell the topic something is not looked at.",
    "AWS::SQS::Queue.MessageRetentionPeriod": "Stored; no rehearsal lasts that long.",
    "AWS::SQS::Queue.SqsManagedSseEnabled": "Stored; messages are kept as they are, on this machine.",
    "AWS::StepFunctions::StateMachine.LoggingConfiguration": "The permissions for it are checked; no log is written.",
    "AWS::StepFunctions::StateMachine.TracingConfiguration": "Stored; there is no X-Ray.",
}
"""Type, or type and property → why it has no effect here."""

__all__ = ["EMULATED", "MADE", "NOT_REHEARSED", "Made", "Maker", "Resource"]
