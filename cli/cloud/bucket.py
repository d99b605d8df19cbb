"""Reading and listing the bucket of an environment."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.cloud.environment import Deployment

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

NO_SUCH_OBJECT = {"NoSuchKey", "404"}
"""Error codes of S3 for a missing object, in answers with a body and in answers without one."""


def read(deployment: Deployment, key: str) -> bytes | None:
    """Return the content of an object; `None` if there is no such object."""
    try:
        return deployment.s3.get_object(Bucket=deployment.bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in NO_SUCH_OBJECT:
            return None
        raise


def oldest_in(deployment: Deployment, folder: str) -> tuple[int, datetime | None]:
    """Count the objects in a folder, without those in its subfolders; return the time of the oldest, too."""
    times = [found["LastModified"] for page in _pages(deployment, folder, "/") for found in page.get("Contents", [])]
    return len(times), min(times, default=None)


def keys_below(deployment: Deployment, folder: str) -> Iterator[str]:
    """List the keys of all objects in a folder and in its subfolders."""
    for page in _pages(deployment, folder, ""):
        yield from (found["Key"] for found in page.get("Contents", []))


def folders_in(deployment: Deployment, folder: str) -> Iterator[str]:
    """List the names of the subfolders of a folder, in ascending order."""
    for page in _pages(deployment, folder, "/"):
        for found in page.get("CommonPrefixes", []):
            yield found["Prefix"].removeprefix(folder).rstrip("/")


def _pages(deployment: Deployment, folder: str, delimiter: str) -> "Iterator[ListObjectsV2OutputTypeDef]":
    paginator = deployment.s3.get_paginator("list_objects_v2")
    return iter(paginator.paginate(Bucket=deployment.bucket, Prefix=folder, Delimiter=delimiter))
