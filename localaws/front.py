"""The WSGI application in front of moto: it checks every request of a role before moto receives it.

It finds out which role calls, whether the role's policies allow the call, and whether a fault strikes it. It does not
check whether a signature is right: only the access key in it is read.
"""

import io
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from localaws.account import OWN_PAGES, LocalAws, LocalAwsError
from localaws.authorization import Authorization
from localaws.calls import Request, required_permissions
from localaws.faults import Faults, Kind
from localaws.pages import Page
from localaws.policies import Permission

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

SERIAL = frozenset({"dynamodb"})
"""Services with conditional writes. moto checks and writes in two steps, in many threads: requests must not overlap."""

logger = logging.getLogger(__name__)


class Front:
    """A WSGI application around that of moto."""

    def __init__(
        self,
        aws: LocalAws,
        authorization: Authorization,
        faults: Faults,
        pages: Mapping[str, Page],
        application: Application,
    ) -> None:
        self._aws = aws
        self._authorization = authorization
        self._faults = faults
        self._pages = pages
        self._application = application
        self._locks = {service: threading.Lock() for service in SERIAL}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"].startswith(OWN_PAGES):
            return self._answer_page(environ, start_response)
        access_key, service = _credentials(environ)
        role_arn = self._aws.principals.role_of(access_key)
        if role_arn is None:
            return self._pass_on(service, environ, start_response)
        try:
            return self._answer_role(role_arn, service, environ, start_response)
        except LocalAwsError as error:
            logger.error("%s", error)  # noqa: TRY400 -- the message says everything
            return _refuse(service, "NotImplemented", str(error), 501, start_response)

    def _answer_role(
        self, role_arn: str, service: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        permissions = required_permissions(_read(environ, service))
        if fault := self._faults.strike(self._aws, role_arn, permissions[0].action):
            return _refuse(service, _UNAVAILABLE[fault], "Please reduce your request rate.", 503, start_response)
        if denied := self._authorization.first_denied(role_arn, permissions):
            return _deny(role_arn, denied, service, start_response)
        if permissions[0].action == "s3:GetObject":
            return self._get_object(role_arn, permissions[0], environ, start_response)
        return self._pass_on(service, environ, start_response)

    def _pass_on(self, service: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if service not in self._locks:
            return self._application(environ, start_response)
        with self._locks[service]:
            return list(self._application(environ, start_response))

    def _get_object(
        self, role_arn: str, permission: Permission, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Deny the call if the object does not exist and the role may not list the bucket, as S3 does."""
        answer: list[Any] = []
        body = self._pass_on("s3", environ, lambda *status: answer.append(status))
        listing = Permission("s3:ListBucket", permission.resource.partition("/")[0])
        if answer[0][0].startswith("404") and not self._authorization.is_allowed(role_arn, listing):
            return _deny(role_arn, listing, "s3", start_response)
        start_response(*answer[0])
        return body

    def _answer_page(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].removeprefix(OWN_PAGES)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        document = json.loads(environ["wsgi.input"].read(length)) if length else None
        try:
            answer = self._page(name)(parse_qs(environ["QUERY_STRING"]), document)
            kind, body, status = "application/json", json.dumps(answer).encode(), "200 OK"
        except LocalAwsError as error:
            kind, body, status = "text/plain; charset=utf-8", str(error).encode(), "404 Not Found"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _page(self, name: str) -> Page:
        if name not in self._pages:
            raise LocalAwsError(f"There is no page {name}: it is one of {', '.join(self._pages)}.")
        return self._pages[name]


_UNAVAILABLE = {Kind.UNAVAILABLE: "SlowDown", Kind.CRASH: "ServiceUnavailable"}


def _credentials(environ: Environ) -> tuple[str, str]:
    """Return access key and service of a signed request; both are empty if it is not signed."""
    match = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
    return (match[1], match[2]) if match else ("", "")


def _read(environ: Environ, service: str) -> Request:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    body = b""
    if service != "s3" or (environ["REQUEST_METHOD"] == "POST" and "delete" in environ["QUERY_STRING"]):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
    path = str(environ["RAW_URI"]).partition("?")[0]
    return Request(service, environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], headers, body)


def _deny(role_arn: str, denied: Permission, service: str, start_response: StartResponse) -> Iterable[bytes]:
    message = f"{role_arn} is not authorized to perform: {denied.action} on resource: {denied.resource}"
    logger.warning("%s", message)
    code = "AccessDenied" if service == "s3" else "AccessDeniedException"
    status = 403 if service in {"s3", "lambda", "emr-serverless"} else 400
    return _refuse(service, code, message, status, start_response)


def _refuse(service: str, code: str, message: str, status: int, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with an error in the format of a service: XML for S3, JSON for the others."""
    if service == "s3":
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        kind = "application/xml"
    else:
        body = json.dumps({"__type": code, "message": message})
        kind = "application/json"
    headers = [("Content-Type", kind), ("x-amzn-ErrorType", code), ("Content-Length", str(len(body.encode())))]
    start_response(f"{status} {code}", headers)
    return [body.encode()]
