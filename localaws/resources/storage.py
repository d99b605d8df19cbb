"""Buckets with their policies and their emptying, tables of DynamoDB, databases of the Glue catalogue."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from localaws.account import REGION, LocalAwsError
from localaws.resources.resource import Made, Maker, Resource, only

AUTO_DELETE = "aws-cdk:auto-delete-objects"
"""Tag of the buckets that CDK's function empties."""

OBJECTS_PER_PAGE = 100
"""Number of objects that are deleted by one call."""


def _bucket(resource: Resource) -> Made:
    s3 = resource.client("s3")
    name = resource.name("BucketName", longest=63).lower()
    ownership = only(resource.take("OwnershipControls", {"Rules": [{}]}), "Rules")["Rules"][0]
    # Access control lists are off in a new bucket, which is the same as "Private".
    if resource.take("AccessControl", "Private") != "Private":
        raise LocalAwsError("Buckets with an AccessControl other than Private are not known here.")
    place = {"CreateBucketConfiguration": {"LocationConstraint": REGION}, **only(ownership, "ObjectOwnership")}
    if not resource.before:
        s3.create_bucket(Bucket=name, **place)
    resource.undo(s3.delete_bucket, Bucket=name)
    _configure(resource, name)
    arn = f"arn:aws:s3:::{name}"
    notifications = resource.take("NotificationConfiguration")
    if notifications or resource.before:
        queues = only(notifications or {}, "QueueConfigurations").get("QueueConfigurations", [])
        configuration = {"QueueConfigurations": [_notification(queue) for queue in queues]}
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    domain = {"DomainName": f"{name}.s3.amazonaws.com", "RegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com"}
    return Made(name, {"Arn": arn, **domain})


def _configure(resource: Resource, name: str) -> None:
    s3 = resource.client("s3")
    if tags := resource.tag_list():
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    if encryption := resource.take("BucketEncryption"):
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=_encryption(encryption))
    if access := resource.take("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=access)
    if versioning := resource.take("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    if lifecycle := resource.take("LifecycleConfiguration"):
        rules = [_lifecycle_rule(rule) for rule in only(lifecycle, "Rules")["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    elif resource.before:
        s3.delete_bucket_lifecycle(Bucket=name)
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


def _notification(queue: Mapping[str, Any]) -> dict[str, Any]:
    only(queue, "Event", "Filter", "Queue")
    written = {"QueueArn": queue["Queue"], "Events": [queue["Event"]]}
    if "Filter" in queue:
        rules = only(only(queue["Filter"], "S3Key")["S3Key"], "Rules")["Rules"]
        written["Filter"] = {"Key": {"FilterRules": rules}}
    return written


def _bucket_policy(resource: Resource) -> Made:
    s3, bucket = resource.client("s3"), resource.require("Bucket")
    resource.require_absent(bucket, s3.get_bucket_policy, Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(resource.require("PolicyDocument")))
    resource.undo(s3.delete_bucket_policy, Bucket=bucket)
    return Made(bucket)


def _emptying(resource: Resource) -> Made:
    """Create nothing; the removal, and an update to another bucket, empties the bucket.

    CDK's function can't run here, as it needs Amazon's image of Node with its SDK. The removal does the same under the
    role of the function.
    """
    function = resource.client("lambda").get_function_configuration(FunctionName=resource.require("ServiceToken"))
    bucket = resource.require("BucketName")
    resource.undo_as(("empty", bucket), lambda: _empty(resource.client("s3", function["Role"]), bucket))
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
    """Deny all writes, so that the bucket stays empty; like CDK's function, go on if that fails."""
    with suppress(ClientError):
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        resources = [f"arn:aws:s3:::{bucket}/*"]
        denial = {"Principal": "*", "Effect": "Deny", "Action": ["s3:PutObject"], "Resource": resources}
        policy["Statement"].append(denial)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def _pages(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:  # noqa: ANN401 -- boto3's client
    """Yield the first page of the versions again and again, as the caller deletes each page."""
    while True:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=OBJECTS_PER_PAGE)
        objects = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if objects:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in objects]
        if not objects or not page["IsTruncated"]:
            return


def _table(resource: Resource) -> Made:
    dynamodb = resource.client("dynamodb")
    name = resource.name("TableName", longest=255)
    billing, tags = resource.take_all("BillingMode"), resource.tag_list()
    settings = resource.take_all("AttributeDefinitions KeySchema")
    if resource.before:
        table = dynamodb.describe_table(TableName=name)["Table"]
        if billing.get("BillingMode") != table.get("BillingModeSummary", {}).get("BillingMode"):
            dynamodb.update_table(TableName=name, **billing)
    else:
        table = dynamodb.create_table(TableName=name, Tags=tags, **billing, **settings)["TableDescription"]
    resource.undo(dynamodb.delete_table, TableName=name)
    lifetime = resource.take("TimeToLiveSpecification")
    known = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if lifetime is None:
        lifetime = {"Enabled": False, "AttributeName": known.get("AttributeName", "")}
    # DynamoDB refuses a setting that the table has already.
    if lifetime["Enabled"] != (known["TimeToLiveStatus"] == "ENABLED"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=lifetime)
    return Made(name, {"Arn": table["TableArn"]})


def _database(resource: Resource) -> Made:
    glue, catalog = resource.client("glue"), resource.take_all("CatalogId")
    database = resource.require("DatabaseInput")
    if resource.before:
        glue.update_database(Name=resource.before.physical_id, DatabaseInput=database, **catalog)
    else:
        glue.create_database(DatabaseInput=database, **catalog)
    resource.undo(glue.delete_database, Name=database["Name"], **catalog)
    return Made(database["Name"])


MAKERS: dict[str, Maker] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::Glue::Database": _database,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "Custom::S3AutoDeleteObjects": _emptying,
}
