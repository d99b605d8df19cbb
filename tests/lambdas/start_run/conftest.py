"""Fixtures for the tests of `start_run`."""

import boto3
import pytest

from lambdas.start_run.handler import metrics
from tests.lambdas.start_run.cloud import Cloud


@pytest.fixture
def cloud(aws: str) -> Cloud:  # noqa: ARG001 -- starts the local AWS
    """Return AWS resources in which nothing has happened yet; `Cloud.another` makes more."""
    metrics.clear_metrics()  # as `log_metrics` does after each invocation
    return Cloud(boto3.client("s3"), boto3.client("dynamodb"), boto3.client("stepfunctions"))
