"""The door of the local AWS: every request is looked at here before moto gets it.

Who asks, whether they may, and whether something goes wrong on purpose.
"""

import io
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from localaws import authorization
from localaws.account import OWN_PAGES, LocalAws, LocalAwsError
from localaws.calls import Request, needs_of
from localaws.faults import Faults, Kind
from localaws.pages import Pages
from localaws.policies import Need

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

ONE_AT_A_TIME = frozenset({"dynamodb"})
"""Services whose answers depend on conditions: moto checks and writes in two steps, and its server has many threads."""

logger = logging.getLogger(__name__)


class Front:
    """A WSGI application around that of moto."""

    def __init__(self, aws: LocalAws, application: Application) -> None:
        self._aws = aws
        self._application = application
        self._faults = Faults()
        self._pages = Pages(aws, self._faults)
        self._turns = {service: threading.Lock() for service in ONE_AT_A_TIME}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"].startswith(OWN_PAGES):
            return self._show(environ, start_response)
        access_key, service = _credentials(environ)
        role_arn = self._aws.principals.role_of(access_key)
        if role_arn is None:
            return self._pass_on(service, environ, start_response)
        try:
            return self._answer_role(role_arn, service, environ, start_response)
        except LocalAwsError as error:
            logger.error("%s", error)  # noqa: TRY400 -- its sentence says all
            return _refuse(service, "NotImplemented", str(error), 501, start_response)

    def _answer_role(
        self, role_arn: str, service: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        needs = needs_of(_read(environ, service))
        if fault := self._faults.strike(self._aws, role_arn, needs[0].action):
            return _refuse(service, _UNAVAILABLE[fault], "Please reduce your request rate.", 503, start_response)
        if missing := authorization.refusal(role_arn, needs):
            return _deny(role_arn, missing, service, start_response)
        if needs[0].action == "s3:GetObject":
            return self._get_object(role_arn, needs[0], environ, start_response)
        return self._pass_on(service, environ, start_response)

    def _pass_on(self, service: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if service not in self._turns:
            return self._application(environ, start_response)
        with self._turns[service]:
            return list(self._application(environ, start_response))

    def _get_object(
        self, role_arn: str, need: Need, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer as S3 does where there is no such object: who may not list the bucket is not told so."""
        answer: list[Any] = []
        body = self._pass_on("s3", environ, lambda *status: answer.append(status))
        listing = Need("s3:ListBucket", need.resource.partition("/")[0])
        if answer[0][0].startswith("404") and not authorization.is_allowed(role_arn, listing):
            return _deny(role_arn, listing, "s3", start_response)
        start_response(*answer[0])
        return body

    def _show(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what AWS has no service for."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        document = json.loads(environ["wsgi.input"].read(length)) if length else None
        try:
            kind, body = self._pages.answer(
                environ["PATH_INFO"].removeprefix(OWN_PAGES), environ["QUERY_STRING"], document
            )
            status = "200 OK"
        except LocalAwsError as error:
            kind, body, status = "text/plain; charset=utf-8", str(error).encode(), "404 Not Found"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]


_UNAVAILABLE = {Kind.UNAVAILABLE: "SlowDown", Kind.CRASH: "ServiceUnavailable"}


def _credentials(environ: Environ) -> tuple[str, str]:
    """Return the access key of a request, and the service it is signed for; empty where it is not signed."""
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


def _deny(role_arn: str, missing: Need, service: str, start_response: StartResponse) -> Iterable[bytes]:
    sentence = f"{role_arn} is not authorized to perform: {missing.action} on resource: {missing.resource}"
    logger.warning("%s", sentence)
    code = "AccessDenied" if service == "s3" else "AccessDeniedException"
    status = 403 if service in {"s3", "lambda", "emr-serverless"} else 400
    return _refuse(service, code, sentence, status, start_response)


def _refuse(service: str, code: str, sentence: str, status: int, start_response: StartResponse) -> Iterable[bytes]:
    """Answer in the words of a service: XML for S3, JSON for the others."""
    if service == "s3":
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{escape(sentence)}</Message></Error>"
        kind = "application/xml"
    else:
        body = json.dumps({"__type": code, "message": sentence})
        kind = "application/json"
    headers = [("Content-Type", kind), ("x-amzn-ErrorType", code), ("Content-Length", str(len(body.encode())))]
    start_response(f"{status} {code}", headers)
    return [body.encode()]
