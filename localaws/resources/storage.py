"""Buckets and what belongs to them, tables of DynamoDB, databases of the Glue catalogue."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from localaws.account import REGION, LocalAwsError
from localaws.resources.resource import Made, Resource, as_tag_list, only

AUTO_DELETE = "aws-cdk:auto-delete-objects"
"""Tag of the buckets that CDK's function may empty."""


def make_bucket(resource: Resource) -> Made:
    """Make an ``AWS::S3::Bucket``."""
    s3 = resource.client("s3")
    name = resource.take("BucketName") or resource.generate_name(63).lower()
    ownership = only(resource.take("OwnershipControls", {"Rules": [{}]}), "Rules")["Rules"][0]
    # No bucket of today has lists of who may do what, unless asked for: "Private" is what all are.
    if resource.take("AccessControl", "Private") != "Private":
        raise LocalAwsError("Buckets with an AccessControl other than Private are not made here.")
    s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}, **only(ownership, "ObjectOwnership")
    )
    resource.undo(s3.delete_bucket, Bucket=name)
    _configure(resource, name)
    arn = f"arn:aws:s3:::{name}"
    if notifications := resource.take("NotificationConfiguration"):
        _notify(s3, name, arn, notifications)
    domain = {"DomainName": f"{name}.s3.amazonaws.com", "RegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com"}
    return Made(name, {"Arn": arn, **domain})


def _configure(resource: Resource, name: str) -> None:
    s3 = resource.client("s3")
    if tags := resource.tags():
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": as_tag_list(tags)})
    if encryption := resource.take("BucketEncryption"):
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=_encryption(encryption))
    if access := resource.take("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=access)
    if versioning := resource.take("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    if lifecycle := resource.take("LifecycleConfiguration"):
        rules = [_lifecycle_rule(rule) for rule in only(lifecycle, "Rules")["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if logging := resource.take("LoggingConfiguration"):
        target = only(logging, "DestinationBucketName", "LogFilePrefix")
        enabled = {"TargetBucket": target["DestinationBucketName"], "TargetPrefix": target.get("LogFilePrefix", "")}
        s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": enabled})


def _encryption(encryption: Mapping[str, Any]) -> dict[str, Any]:
    rules = only(encryption, "ServerSideEncryptionConfiguration")["ServerSideEncryptionConfiguration"]
    default = "ServerSideEncryptionByDefault"
    return {"Rules": [{f"Apply{default}": only(rule, default)[default]} for rule in rules]}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    known = ("Id", "Status", "Prefix", "TagFilters", "ExpirationInDays")
    passed_on = ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration")
    only(rule, *known, *passed_on)
    written = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if tags := rule.get("TagFilters"):
        written["Filter"] = {"And": {"Prefix": rule.get("Prefix", ""), "Tags": tags}}
    if "ExpirationInDays" in rule:
        written["Expiration"] = {"Days": rule["ExpirationInDays"]}
    return {**written, **{name: rule[name] for name in passed_on if name in rule}}


def _notify(s3: Any, bucket: str, arn: str, notifications: Mapping[str, Any]) -> None:  # noqa: ANN401 -- boto3's client
    from localaws.authorization import require_service_access  # the whole of moto: not for who reads tables

    queues = only(notifications, "QueueConfigurations")["QueueConfigurations"]
    for queue in queues:
        try:
            require_service_access(
                "s3.amazonaws.com", "sqs:SendMessage", only(queue, "Event", "Filter", "Queue")["Queue"], arn
            )
        except LocalAwsError as error:
            raise LocalAwsError(f"Unable to validate the following destination configurations: {error}") from error
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [_queue(queue) for queue in queues]}
    )


def _queue(queue: Mapping[str, Any]) -> dict[str, Any]:
    written = {"QueueArn": queue["Queue"], "Events": [queue["Event"]]}
    if "Filter" in queue:
        rules = only(only(queue["Filter"], "S3Key")["S3Key"], "Rules")["Rules"]
        written["Filter"] = {"Key": {"FilterRules": rules}}
    return written


def make_bucket_policy(resource: Resource) -> Made:
    """Make an ``AWS::S3::BucketPolicy``."""
    s3, bucket = resource.client("s3"), resource.demand("Bucket")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(resource.demand("PolicyDocument")))
    resource.undo(s3.delete_bucket_policy, Bucket=bucket)
    return Made(bucket)


def make_emptying(resource: Resource) -> Made:
    """Make a ``Custom::S3AutoDeleteObjects``: nothing now; the bucket is emptied when this is removed.

    CDK's function can't run here: it wants Amazon's own Node with its SDK. What it does is done in its place, and under
    its role.
    """
    function = resource.client("lambda").get_function_configuration(FunctionName=resource.demand("ServiceToken"))
    bucket = resource.demand("BucketName")
    resource.undo(lambda: _empty(resource.client("s3", function["Role"]), bucket))
    return Made(resource.generate_name(128))


def _empty(s3: Any, bucket: str) -> None:  # noqa: ANN401 -- boto3's client
    try:
        tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
        if {"Key": AUTO_DELETE, "Value": "true"} not in tags:
            return
        _lock(s3, bucket)
        for objects in _pages(s3, bucket):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    except s3.exceptions.NoSuchBucket:
        return


def _lock(s3: Any, bucket: str) -> None:  # noqa: ANN401 -- boto3's client
    """Let nobody write any more, so that the bucket stays empty; the function goes on if it can't."""
    with suppress(ClientError):
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        resources = [f"arn:aws:s3:::{bucket}/*"]
        nobody = {"Principal": "*", "Effect": "Deny", "Action": ["s3:PutObject"], "Resource": resources}
        policy["Statement"].append(nobody)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def _pages(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:  # noqa: ANN401 -- boto3's client
    """List what is left: always the first page, as those before it are deleted by then."""
    while True:
        page = s3.list_object_versions(Bucket=bucket)
        objects = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if objects:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in objects]
        if not objects or not page["IsTruncated"]:
            return


def make_table(resource: Resource) -> Made:
    """Make an ``AWS::DynamoDB::Table``."""
    dynamodb = resource.client("dynamodb")
    name = resource.take("TableName") or resource.generate_name(255)
    table = dynamodb.create_table(
        TableName=name,
        Tags=as_tag_list(resource.tags()),
        **resource.same("AttributeDefinitions", "BillingMode", "KeySchema"),
    )["TableDescription"]
    resource.undo(dynamodb.delete_table, TableName=name)
    if lifetime := resource.take("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=lifetime)
    return Made(name, {"Arn": table["TableArn"]})


def make_database(resource: Resource) -> Made:
    """Make an ``AWS::Glue::Database``."""
    glue, catalog = resource.client("glue"), resource.same("CatalogId")
    database = resource.demand("DatabaseInput")
    glue.create_database(DatabaseInput=database, **catalog)
    resource.undo(glue.delete_database, Name=database["Name"], **catalog)
    return Made(database["Name"])
