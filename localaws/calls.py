"""The permissions that a request needs, read from the request as AWS's services read them, without any state.

Only calls that deployed roles make are known. An unknown call is an error: it is not let through.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree as ET

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.policies import Permission

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """The parts of an HTTP request that decide which permissions it needs.

    Attributes
    ----------
    service
        Name that the request is signed for, such as ``s3``.
    path
        Path of the URL, still percent-encoded.
    headers
        Headers with lower-case names.
    body
        Empty for objects of S3: they may be large, and do not matter for permissions.
    """

    service: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def required_permissions(request: Request) -> list[Permission]:
    """Return the permissions that a request needs; the first one names the call.

    Raises
    ------
    LocalAwsError
        If the call is unknown.
    """
    readers = {"s3": _s3, "lambda": _lambda, "emr-serverless": _emr_serverless}
    permissions = readers.get(request.service, _by_target)(request)
    if not permissions:
        raise LocalAwsError(
            f"The local AWS does not know which permissions {request.method} {request.path}?{request.query} of "
            f"{request.service} needs ({request.headers.get('x-amz-target', 'no target')})."
        )
    return permissions


def _by_target(request: Request) -> list[Permission]:
    """Read a call whose name is in a header and whose parameters are a JSON document."""
    # SQS has one permission for a call and its batch variant.
    action = request.headers.get("x-amz-target", "").rpartition(".")[2].removesuffix("Batch")
    resources = _RESOURCES.get(request.service)
    if not action or not resources:
        return []
    return [Permission(f"{request.service}:{action}", resource) for resource in resources(json.loads(request.body))]


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def _glue(body: Body) -> Iterator[str]:
    """Return catalogue, database and table: AWS demands the permission on each of them."""
    database = body.get("DatabaseName") or body["Name"]
    yield from (_arn("glue", "catalog"), _arn("glue", f"database/{database}"))
    if "DatabaseName" in body:
        table = body.get("Name") or body.get("TableInput", {}).get("Name", "*")
        yield _arn("glue", f"table/{database}/{table}")


def _logs(body: Body) -> Iterator[str]:
    if "logGroupName" not in body:
        yield _arn("logs", "log-group:*")
    else:
        yield _arn("logs", f"log-group:{body['logGroupName']}:log-stream:{body.get('logStreamName', '')}")


_RESOURCES: dict[str, Callable[[Body], Iterator[str]]] = {
    "dynamodb": lambda body: iter([_arn("dynamodb", f"table/{body['TableName']}")]),
    "sqs": lambda body: iter([_arn("sqs", body["QueueUrl"].rpartition("/")[2])]),
    "states": lambda body: iter([body.get("executionArn") or body.get("stateMachineArn") or "*"]),
    "events": lambda body: iter([_arn("events", f"rule/{body.get('Rule') or body['Name']}")]),
    "glue": _glue,
    "logs": _logs,
}


def _lambda(request: Request) -> list[Permission]:
    match = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", unquote(request.path))
    if not match or request.method != "POST":
        return []
    return [Permission("lambda:InvokeFunction", _arn("lambda", f"function:{match[1].rpartition(':')[2]}"))]


_OF_APPLICATIONS = {
    ("GET", None): "GetApplication",
    ("PATCH", None): "UpdateApplication",
    ("DELETE", None): "DeleteApplication",
    ("POST", "/start"): "StartApplication",
    ("POST", "/stop"): "StopApplication",
}


def _emr_serverless(request: Request) -> list[Permission]:
    path = unquote(request.path)
    if of_application := re.fullmatch(r"(/applications/[^/]+)(/start|/stop)?", path):
        action = _OF_APPLICATIONS.get((request.method, of_application[2]))
        return [Permission(f"emr-serverless:{action}", _arn("emr-serverless", of_application[1]))] if action else []
    match = re.fullmatch(r"(/applications/[^/]+)/jobruns(/[^/]+)?", path)
    if not match:
        return []
    application = _arn("emr-serverless", match[1])
    if not match[2] and request.method == "GET":
        return [Permission("emr-serverless:ListJobRuns", application)]
    if match[2]:
        action = {"GET": "GetJobRun", "DELETE": "CancelJobRun"}[request.method]
        return [Permission(f"emr-serverless:{action}", f"{application}/jobruns{match[2]}")]
    body = json.loads(request.body)
    passed = {"iam:PassedToService": "emr-serverless.amazonaws.com"}
    needed = [
        Permission("emr-serverless:StartJobRun", application),
        Permission("iam:PassRole", body["executionRoleArn"], passed),
    ]
    return (
        [*needed, Permission("emr-serverless:TagResource", f"{application}/jobruns/*")] if body.get("tags") else needed
    )


_BUCKET_READS = {
    "location": "GetBucketLocation",
    "policy": "GetBucketPolicy",
    "tagging": "GetBucketTagging",
    "uploads": "ListBucketMultipartUploads",
    "versions": "ListBucketVersions",
}
_LISTING = {"list-type", "prefix", "delimiter", "max-keys", "encoding-type", "fetch-owner"}
_PAGES = {"continuation-token", "start-after", "marker", "key-marker", "version-id-marker"}
_OF_BUCKETS = _BUCKET_READS.keys() | _LISTING | _PAGES | {"delete", "x-id"}
_OF_OBJECTS = {"partNumber", "tagging", "uploadId", "uploads", "versionId", "x-id"}
"""Known query parameters. An unknown one may change the meaning: ``GET /b/k?acl`` does not read the object."""


def _s3(request: Request) -> list[Permission]:
    """Read a call of S3, whose method, path and query parameters name the call."""
    bucket, _, key = unquote(request.path).lstrip("/").partition("/")
    query = {name: values[0] for name, values in parse_qs(request.query, keep_blank_values=True).items()}
    if query.keys() - (_OF_OBJECTS if key else _OF_BUCKETS):
        return []
    if key:
        return _s3_object(request, f"arn:aws:s3:::{bucket}/{key}", query)
    arn = f"arn:aws:s3:::{bucket}"
    if request.method == "POST" and "delete" in query:
        keys = [element.text or "" for element in ET.fromstring(request.body).iter() if element.tag.endswith("Key")]  # noqa: S314 -- written by an SDK on this machine
        return [Permission("s3:DeleteObject", f"{arn}/{key}") for key in keys]
    if request.method == "PUT" and "policy" in query:
        return [Permission("s3:PutBucketPolicy", arn)]
    if request.method not in {"GET", "HEAD"}:
        return []
    action = next((action for name, action in _BUCKET_READS.items() if name in query), "ListBucket")
    # S3 sets the condition key only if the request has the parameter.
    return [Permission(f"s3:{action}", arn, {"s3:prefix": query["prefix"]} if "prefix" in query else {})]


def _s3_object(request: Request, arn: str, query: Mapping[str, str]) -> list[Permission]:
    if "tagging" in query:
        action = {"GET": "GetObjectTagging", "PUT": "PutObjectTagging", "DELETE": "DeleteObjectTagging"}[request.method]
        return [Permission(f"s3:{action}", arn)]
    action = {
        "GET": "GetObject",
        "HEAD": "GetObject",
        "PUT": "PutObject",
        "POST": "PutObject",  # the beginning and the end of a multipart upload
        "DELETE": "AbortMultipartUpload" if "uploadId" in query else "DeleteObject",
    }[request.method]
    needed = [Permission(f"s3:{action}", arn)]
    if source := request.headers.get("x-amz-copy-source"):
        needed.append(Permission("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/').partition('?')[0]}"))
    if "x-amz-tagging" in request.headers:
        needed.append(Permission("s3:PutObjectTagging", arn))
    return needed
