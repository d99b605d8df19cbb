"""The resource types of stacks: how a resource of each type is made, and which properties have no effect here."""

from localaws.account import LocalAwsError
from localaws.resources import compute, identity, messaging, observation, scheduling, storage, toolkit
from localaws.resources.changes import CHANGES, Changes, Effect, effect_of
from localaws.resources.custom import CUSTOM, make_custom
from localaws.resources.resource import Made, Maker, Owner, Resource

MAKERS: dict[str, Maker] = {
    **compute.MAKERS,
    **identity.MAKERS,
    **messaging.MAKERS,
    **observation.MAKERS,
    **scheduling.MAKERS,
    **storage.MAKERS,
    **toolkit.MAKERS,
}
"""Type → the function that makes a resource of this type. `maker_of` also knows the types of custom resources."""

EMULATED: dict[str, str] = {
    "AWS::SNS::Subscription": "e-mails are kept in a list, once the subscription is confirmed as in AWS",
    "Custom::S3AutoDeleteObjects": "the bucket is emptied under the role of CDK's function, which can't run here",
}
"""Type → how the emulation differs from the resource in AWS, which has the same effect."""

NOT_REHEARSED: dict[str, str] = {
    "AWS::Athena::NamedQuery": "Stored; there is no Athena that could run it.",
    "AWS::Athena::WorkGroup": "Stored; there is no Athena, nor its limit on what a query may read.",
    "AWS::Budgets::Budget": "Its filter and its messages are checked; nothing has a cost here.",
    "AWS::CloudWatch::Dashboard": "Stored; it is not drawn.",
    "AWS::DynamoDB::Table.TimeToLiveSpecification": "Stored; items don't expire: AWS takes days, a rehearsal minutes.",
    "AWS::EMRServerless::Application.AutoStopConfiguration": "The state follows it; there are no workers to stop.",
    "AWS::Lambda::Function.Architectures": "Stored; all code is Python, and runs on any processor.",
    "AWS::Lambda::Function.TracingConfig": "Stored; there is no X-Ray.",
    "AWS::Logs::LogGroup.RetentionInDays": "Stored; logs don't expire.",
    "AWS::S3::Bucket.BucketEncryption": "Stored; objects are not encrypted.",
    "AWS::S3::Bucket.LifecycleConfiguration": "Stored; nothing expires.",
    "AWS::S3::Bucket.LoggingConfiguration": "Stored; accesses are not logged.",
    "AWS::S3::Bucket.PublicAccessBlockConfiguration": "Stored; other machines can't reach the local AWS.",
    "AWS::Scheduler::Schedule": "Its expression is checked; nothing starts at its time.",
    "AWS::SQS::Queue.MessageRetentionPeriod": "Stored; messages don't expire: no rehearsal takes days.",
    "AWS::SQS::Queue.SqsManagedSseEnabled": "Stored; messages are not encrypted.",
    "AWS::StepFunctions::StateMachine.LoggingConfiguration": "The permissions for it are checked; no log is written.",
    "AWS::StepFunctions::StateMachine.TracingConfiguration": "Stored; there is no X-Ray.",
}
"""Type, or type and property → the reason why it has no effect here."""


def maker_of(kind: str) -> Maker:
    """Return the function that makes a resource of a type.

    Raises
    ------
    LocalAwsError
        If the type is unknown.
    """
    if kind in MAKERS:
        return MAKERS[kind]
    if kind.startswith(CUSTOM):
        return make_custom
    raise LocalAwsError(f"The local AWS does not know resources of type {kind}.")


__all__ = [
    "CHANGES",
    "CUSTOM",
    "EMULATED",
    "MAKERS",
    "NOT_REHEARSED",
    "Changes",
    "Effect",
    "Made",
    "Maker",
    "Owner",
    "Resource",
    "effect_of",
    "maker_of",
]
