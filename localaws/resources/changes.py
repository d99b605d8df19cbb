"""What an update of a stack does to a resource: nothing, an update in place, or a replacement.

The schemas of AWS say which properties are create-only; a test compares this table with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from localaws.account import LocalAwsError
from localaws.resources.custom import CUSTOM

EVERYTHING = "*"
"""All properties that the maker of a type takes, except tags."""


class Effect(Enum):
    """What an update does to a resource."""

    NOTHING = "nothing"
    UPDATE = "an update in place"
    REPLACEMENT = "a new resource, and the deletion of the old one"


@dataclass(frozen=True)
class Changes:
    """How the properties of a type may change, each as names separated by blanks.

    Attributes
    ----------
    create_only
        Properties whose change replaces the resource; `Budget.BudgetName` is a part of a property.
    in_place
        Properties that the maker updates, or `EVERYTHING`.
    removable
        Properties that the maker resets when the template does not have them, or `EVERYTHING`; others can't be added
        in an update either, as its rollback could not remove them.
    """

    create_only: str = ""
    in_place: str = ""
    removable: str = ""


CHANGES: dict[str, Changes] = {
    "AWS::Athena::NamedQuery": Changes("Name Database Description QueryString WorkGroup"),
    "AWS::Athena::WorkGroup": Changes("Name", "WorkGroupConfiguration RecursiveDeleteOption"),
    "AWS::Budgets::Budget": Changes("Budget.BudgetName NotificationsWithSubscribers", "Budget"),
    "AWS::CloudWatch::Alarm": Changes("AlarmName", EVERYTHING, EVERYTHING),
    "AWS::CloudWatch::Dashboard": Changes("DashboardName", "DashboardBody"),
    "AWS::DynamoDB::Table": Changes(
        "TableName ImportSourceSpecification", "TimeToLiveSpecification BillingMode", "TimeToLiveSpecification"
    ),
    "AWS::ECR::Repository": Changes(
        "RepositoryName EncryptionConfiguration EncryptionConfiguration.EncryptionType EncryptionConfiguration.KmsKey",
        "ImageTagMutability LifecyclePolicy RepositoryPolicyText",
    ),
    "AWS::EMRServerless::Application": Changes(
        "Name Type",
        "Architecture AutoStartConfiguration AutoStopConfiguration MaximumCapacity MonitoringConfiguration "
        "ReleaseLabel SchedulerConfiguration",
    ),
    "AWS::Glue::Database": Changes("DatabaseName", "DatabaseInput"),
    "AWS::IAM::Policy": Changes("", EVERYTHING, EVERYTHING),
    "AWS::IAM::Role": Changes("Path RoleName", EVERYTHING, EVERYTHING),
    "AWS::Lambda::EventSourceMapping": Changes(
        "EventSourceArn StartingPosition StartingPositionTimestamp SelfManagedEventSource",
        "BatchSize FunctionName FunctionResponseTypes MaximumBatchingWindowInSeconds ScalingConfig",
    ),
    "AWS::Lambda::Function": Changes(
        "FunctionName PackageType TenancyConfig",
        "Architectures Code Description Environment Handler LoggingConfig MemorySize Role Runtime Timeout "
        "TracingConfig",
        "Description Environment MemorySize Timeout TracingConfig",
    ),
    "AWS::Logs::LogGroup": Changes("LogGroupName", "RetentionInDays", "RetentionInDays"),
    "AWS::S3::Bucket": Changes(
        "BucketName BucketNamePrefix BucketNamespace",
        "BucketEncryption LifecycleConfiguration LoggingConfiguration NotificationConfiguration "
        "PublicAccessBlockConfiguration VersioningConfiguration",
        "LifecycleConfiguration NotificationConfiguration",
    ),
    "AWS::S3::BucketPolicy": Changes("Bucket", "PolicyDocument"),
    "AWS::SNS::Subscription": Changes("Endpoint Protocol TopicArn"),
    "AWS::SNS::Topic": Changes("TopicName FifoTopic", "DisplayName", "DisplayName"),
    "AWS::SNS::TopicPolicy": Changes("", EVERYTHING),
    "AWS::SQS::Queue": Changes(
        "FifoQueue QueueName",
        "MessageRetentionPeriod RedrivePolicy SqsManagedSseEnabled VisibilityTimeout",
        "MessageRetentionPeriod RedrivePolicy SqsManagedSseEnabled VisibilityTimeout",
    ),
    "AWS::SQS::QueuePolicy": Changes("", EVERYTHING),
    "AWS::SSM::Parameter": Changes("Name", "Type Value"),
    "AWS::Scheduler::Schedule": Changes("Name", EVERYTHING),
    "AWS::StepFunctions::StateMachine": Changes(
        "StateMachineName StateMachineType",
        "DefinitionString LoggingConfiguration RoleArn TracingConfiguration",
    ),
}
"""Type → how its properties may change. A type that is missing here can be created and deleted, but not changed."""


def effect_of(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Effect:
    """Return what a change of properties does to a resource.

    Raises
    ------
    LocalAwsError
        If the local AWS can't update such a property in place.
    """
    changed = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
    if not changed:
        return Effect.NOTHING
    if kind.startswith(CUSTOM):
        return Effect.UPDATE
    changes = CHANGES.get(kind, Changes())
    if any(_part(before, path) != _part(now, path) for path in changes.create_only.split()):
        return Effect.REPLACEMENT
    unknown = {name for name in changed if not _has(changes.in_place, name)}
    # A rollback removes what the update has added.
    unknown |= {name for name in changed - (before.keys() & now.keys()) if not _has(changes.removable, name)}
    if unknown:
        raise LocalAwsError(
            f"The local AWS can't update {', '.join(sorted(unknown))} of {kind} in place as this template demands."
        )
    return Effect.UPDATE


def _has(names: str, name: str) -> bool:
    return name in names.split() or (names == EVERYTHING and name != "Tags")


def _part(properties: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 -- as the template has it
    value: Any = properties
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
