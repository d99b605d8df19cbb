"""Tests of the cost in the report, with a real bucket of the local AWS."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from contract.layout import report_page
from contract.report_cost import COST_PLACE, with_cost
from lambdas.record_run.report import LARGEST_PAGE, add_cost

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RUN_ID = "20261120T121530Z-3fa94c00"
PAGE = f"<html>é{COST_PLACE}</html>".encode()


def _put(s3: "S3Client", bucket: str, body: bytes) -> None:
    s3.put_object(Bucket=bucket, Key=report_page(RUN_ID), Body=body, ContentType="text/html; charset=utf-8")


def _read(s3: "S3Client", bucket: str) -> tuple[bytes, str]:
    found = s3.get_object(Bucket=bucket, Key=report_page(RUN_ID))
    return found["Body"].read(), found["ContentType"]


def test_the_report_shows_the_cost_and_keeps_its_type(s3: "S3Client", bucket: str) -> None:
    """Browsers show the report as before, with the cost; a second call changes nothing."""
    _put(s3, bucket, PAGE)
    for _ in range(2):
        assert add_cost(s3, bucket, RUN_ID, 0.16)
        assert _read(s3, bucket) == (with_cost(PAGE, 0.16), "text/html; charset=utf-8")


@pytest.mark.parametrize("body", [b"<html></html>", b"", b"\xff" * 10, PAGE + b" " * LARGEST_PAGE])
def test_a_report_without_a_place_and_one_that_is_too_large_are_left_alone(
    s3: "S3Client", bucket: str, body: bytes
) -> None:
    """The function writes no object, and says that the report does not show the cost."""
    _put(s3, bucket, body)
    before = s3.head_object(Bucket=bucket, Key=report_page(RUN_ID))["LastModified"]
    s3.meta.events.register("before-call.s3.PutObject", _fail)
    assert not add_cost(s3, bucket, RUN_ID, 0.16)
    assert _read(s3, bucket)[0] == body
    assert s3.head_object(Bucket=bucket, Key=report_page(RUN_ID))["LastModified"] == before


def test_a_run_without_a_report_gets_none(s3: "S3Client", bucket: str) -> None:
    """A report that is absent is not made."""
    assert not add_cost(s3, bucket, RUN_ID, 0.16)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_report_that_another_writer_has_replaced_is_not_brought_back(s3: "S3Client", bucket: str) -> None:
    """If the report changes after the function has read it, S3 rejects the write, and the newer report stays."""
    _put(s3, bucket, PAGE)
    newer = PAGE.replace(b"<html>", b"<html><p>")

    def replace_first(**_: object) -> None:
        s3.meta.events.unregister("before-call.s3.PutObject", replace_first)
        _put(s3, bucket, newer)

    s3.meta.events.register("before-call.s3.PutObject", replace_first)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        add_cost(s3, bucket, RUN_ID, 0.16)
    assert _read(s3, bucket)[0] == newer


def _fail(**_: object) -> None:
    raise AssertionError
