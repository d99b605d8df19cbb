"""What the tests of `start_run` share."""

import boto3
import pytest

from lambdas.start_run.handler import metrics
from tests.lambdas.start_run.cloud import Cloud


@pytest.fixture
def cloud(aws: str) -> Cloud:  # noqa: ARG001 -- is there
    """Return surroundings where nothing has happened yet; `Cloud.another` makes more."""
    metrics.clear_metrics()  # as Lambda's wrapper does after each call
    return Cloud(boto3.client("s3"), boto3.client("dynamodb"), boto3.client("stepfunctions"))
