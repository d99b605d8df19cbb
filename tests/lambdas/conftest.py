"""Fixtures for the tests of the functions."""

import secrets
from typing import TYPE_CHECKING

import boto3
import pytest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def s3(aws: str) -> "S3Client":  # noqa: ARG001 -- starts the local AWS
    """Return a client of S3."""
    return boto3.client("s3")


@pytest.fixture
def bucket(s3: "S3Client") -> str:
    """Return the name of an empty bucket."""
    name = f"bucket-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name
