"""The environment variables with which a test uses an AWS of this machine."""

import pytest


def use_aws_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure this process to use only the AWS at a URL, in the region of Ireland."""
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ALLOW_HTTP": "true",  # for obstore
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
