"""The permissions that requests need; the requests are those that boto3 sends."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from localaws.account import LocalAwsError
from localaws.calls import Request, required_permissions

PLACE = "eu-west-1:123456789012"
QUEUE = "http://127.0.0.1:1/123456789012/events"


class _Sent(Exception):  # noqa: N818 -- ends the call before it reaches any network
    pass


def _needs(service: str, call: Callable[[Any], object]) -> list[tuple[str, str]]:
    """Let boto3 compose a request, and return the actions and resources that it needs."""
    client = boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="a",
        aws_secret_access_key="b",  # noqa: S106 -- not a real key
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )
    sent: list[AWSPreparedRequest] = []

    def catch(request: AWSPreparedRequest, **_: object) -> None:
        sent.append(request)
        raise _Sent

    client.meta.events.register("before-send", catch)
    with pytest.raises(_Sent):
        call(client)
    url = urlsplit(sent[0].url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in sent[0].headers.items()
    }
    body = sent[0].body
    raw = body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, bytes | bytearray) else b""
    request = Request(client.meta.service_model.signing_name, sent[0].method, url.path, url.query, headers, raw)
    return [(one.action, one.resource) for one in required_permissions(request)]


@pytest.mark.parametrize(
    ("call", "needs"),
    [
        (lambda s3: s3.get_object(Bucket="b", Key="a b/ü.jpg"), [("s3:GetObject", "b/a b/ü.jpg")]),
        (lambda s3: s3.head_object(Bucket="b", Key="k"), [("s3:GetObject", "b/k")]),
        (lambda s3: s3.put_object(Bucket="b", Key="k", Body=b"x"), [("s3:PutObject", "b/k")]),
        (
            lambda s3: s3.put_object(Bucket="b", Key="k", Body=b"x", Tagging="a=b"),
            [("s3:PutObject", "b/k"), ("s3:PutObjectTagging", "b/k")],
        ),
        (lambda s3: s3.create_multipart_upload(Bucket="b", Key="k"), [("s3:PutObject", "b/k")]),
        (
            lambda s3: s3.upload_part(Bucket="b", Key="k", UploadId="u", PartNumber=1, Body=b"x"),
            [("s3:PutObject", "b/k")],
        ),
        (
            lambda s3: s3.abort_multipart_upload(Bucket="b", Key="k", UploadId="u"),
            [("s3:AbortMultipartUpload", "b/k")],
        ),
        (
            lambda s3: s3.copy_object(Bucket="b", Key="k", CopySource={"Bucket": "c", "Key": "a b"}),
            [("s3:PutObject", "b/k"), ("s3:GetObject", "c/a b")],
        ),
        (lambda s3: s3.delete_object(Bucket="b", Key="k"), [("s3:DeleteObject", "b/k")]),
        (
            lambda s3: s3.delete_objects(Bucket="b", Delete={"Objects": [{"Key": "k"}, {"Key": "a&b"}]}),
            [("s3:DeleteObject", "b/k"), ("s3:DeleteObject", "b/a&b")],
        ),
        (
            lambda s3: s3.put_object_tagging(Bucket="b", Key="k", Tagging={"TagSet": []}),
            [("s3:PutObjectTagging", "b/k")],
        ),
        (lambda s3: s3.list_objects_v2(Bucket="b", Prefix="p"), [("s3:ListBucket", "b")]),
        (lambda s3: s3.head_bucket(Bucket="b"), [("s3:ListBucket", "b")]),
        (lambda s3: s3.list_object_versions(Bucket="b"), [("s3:ListBucketVersions", "b")]),
        (lambda s3: s3.get_bucket_tagging(Bucket="b"), [("s3:GetBucketTagging", "b")]),
    ],
)
def test_calls_of_s3_need_the_permissions_that_aws_documents(
    call: Callable[[Any], object], needs: list[tuple[str, str]]
) -> None:
    """The permissions are those of the service authorization reference of Amazon S3."""
    assert _needs("s3", call) == [(action, f"arn:aws:s3:::{resource}") for action, resource in needs]


@pytest.mark.parametrize(
    ("service", "call", "needs"),
    [
        (
            "dynamodb",
            lambda client: client.get_item(TableName="t", Key={"id": {"S": "x"}}),
            [("dynamodb:GetItem", f"arn:aws:dynamodb:{PLACE}:table/t")],
        ),
        (
            "sqs",
            lambda client: client.receive_message(QueueUrl=QUEUE),
            [("sqs:ReceiveMessage", f"arn:aws:sqs:{PLACE}:events")],
        ),
        (
            "sqs",
            lambda client: client.delete_message_batch(QueueUrl=QUEUE, Entries=[{"Id": "1", "ReceiptHandle": "r"}]),
            [("sqs:DeleteMessage", f"arn:aws:sqs:{PLACE}:events")],
        ),
        (
            "stepfunctions",
            lambda client: client.start_execution(stateMachineArn=f"arn:aws:states:{PLACE}:stateMachine:m"),
            [("states:StartExecution", f"arn:aws:states:{PLACE}:stateMachine:m")],
        ),
        (
            "lambda",
            lambda client: client.invoke(FunctionName=f"arn:aws:lambda:{PLACE}:function:f"),
            [("lambda:InvokeFunction", f"arn:aws:lambda:{PLACE}:function:f")],
        ),
        (
            "events",
            lambda client: client.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": "arn:aws:x"}]),
            [("events:PutTargets", f"arn:aws:events:{PLACE}:rule/r")],
        ),
        (
            "logs",
            lambda client: client.create_log_stream(logGroupName="/g", logStreamName="s"),
            [("logs:CreateLogStream", f"arn:aws:logs:{PLACE}:log-group:/g:log-stream:s")],
        ),
        (
            "glue",
            lambda client: client.get_table(DatabaseName="d", Name="t"),
            [("glue:GetTable", f"arn:aws:glue:{PLACE}:{part}") for part in ("catalog", "database/d", "table/d/t")],
        ),
        (
            "emr-serverless",
            lambda client: client.cancel_job_run(applicationId="a", jobRunId="j"),
            [("emr-serverless:CancelJobRun", f"arn:aws:emr-serverless:{PLACE}:/applications/a/jobruns/j")],
        ),
        (
            "emr-serverless",
            lambda emr: emr.get_application(applicationId="a"),
            [("emr-serverless:GetApplication", f"arn:aws:emr-serverless:{PLACE}:/applications/a")],
        ),
        (
            "emr-serverless",
            lambda emr: emr.stop_application(applicationId="a"),
            [("emr-serverless:StopApplication", f"arn:aws:emr-serverless:{PLACE}:/applications/a")],
        ),
        (
            "emr-serverless",
            lambda emr: emr.list_job_runs(applicationId="a"),
            [("emr-serverless:ListJobRuns", f"arn:aws:emr-serverless:{PLACE}:/applications/a")],
        ),
    ],
)
def test_calls_of_other_services_name_their_resource(
    service: str, call: Callable[[Any], object], needs: list[tuple[str, str]]
) -> None:
    """A permission names the table, the queue or the function that the call is about."""
    assert _needs(service, call) == needs


def test_starting_a_job_needs_the_permission_to_pass_its_role() -> None:
    """The role is passed to EMR Serverless, which a policy can demand as a condition."""
    body = json.dumps({"executionRoleArn": "arn:aws:iam::1:role/job"}).encode()
    start, pass_on = required_permissions(Request("emr-serverless", "POST", "/applications/a/jobruns", "", {}, body))
    assert start.action == "emr-serverless:StartJobRun"
    assert (pass_on.action, pass_on.resource) == ("iam:PassRole", "arn:aws:iam::1:role/job")
    assert pass_on.context == {"iam:PassedToService": "emr-serverless.amazonaws.com"}


def test_a_listing_has_its_prefix_as_a_condition_key() -> None:
    """A request without a prefix does not have the key."""
    listing = Request("s3", "GET", "/b", "list-type=2&prefix=results%2F", {}, b"")
    assert required_permissions(listing)[0].context == {"s3:prefix": "results/"}
    assert required_permissions(Request("s3", "HEAD", "/b", "", {}, b""))[0].context == {}


def test_an_unknown_call_is_an_error() -> None:
    """It is not let through, and the message names it."""
    with pytest.raises(LocalAwsError, match="does not know which permissions PUT /b"):
        required_permissions(Request("s3", "PUT", "/b", "acl", {}, b""))
    with pytest.raises(LocalAwsError, match="of kms"):
        required_permissions(Request("kms", "POST", "/", "", {"x-amz-target": "TrentService.Decrypt"}, b"{}"))
