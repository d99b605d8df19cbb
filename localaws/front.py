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
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from localaws.account import OWN_PAGES, LocalAws, LocalAwsError
from localaws.authorization import Authorization
from localaws.calls import Request, required_permissions
from localaws.faults import Faults, Kind
from localaws.origins import why_refused
from localaws.pages import Page
from localaws.policies import Permission

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

SERIAL = frozenset({"dynamodb"})
"""Services with conditional writes. moto checks and writes in two steps, in many threads: requests must not overlap."""

UNAVAILABLE = {Kind.UNAVAILABLE: "SlowDown", Kind.CRASH: "ServiceUnavailable"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Front:
    """A WSGI application around that of moto."""

    aws: LocalAws
    authorization: Authorization
    faults: Faults
    pages: Mapping[str, Page]
    application: Application
    _locks: Mapping[str, threading.Lock] = field(default_factory=lambda: {name: threading.Lock() for name in SERIAL})

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, unless a web page has sent it."""
        refused = why_refused(lambda name: environ.get(f"HTTP_{name.upper().replace('-', '_')}"), self.aws.port)
        if refused:
            return Response(refused, HTTPStatus.FORBIDDEN)(environ, start_response)
        return self._choose(environ)(environ, _without_cors(start_response))

    def _choose(self, environ: Environ) -> Application:
        """Return the application that answers a request: that of moto, or a response."""
        if environ["PATH_INFO"].startswith(OWN_PAGES):
            return self._page(environ)
        access_key, service = _credentials(environ)
        role_arn = self.aws.principals.role_of(access_key)
        try:
            return self._moto(service) if role_arn is None else self._authorized(role_arn, service, environ)
        except LocalAwsError as error:
            logger.error("%s", error)  # noqa: TRY400 -- the message says everything
            return _error(service, "NotImplemented", str(error), 501)

    def _authorized(self, role_arn: str, service: str, environ: Environ) -> Application:
        permissions = required_permissions(_read(environ, service))
        if fault := self.faults.strike(self.aws, role_arn, permissions[0].action):
            return _error(service, UNAVAILABLE[fault], "Please reduce your request rate.", 503)
        if denied := self.authorization.first_denied(role_arn, permissions):
            return _denial(role_arn, denied, service)
        if permissions[0].action == "s3:GetObject":
            return self._object(role_arn, permissions[0], environ)
        return self._moto(service)

    def _moto(self, service: str) -> Application:
        return partial(self._alone, self._locks[service]) if service in self._locks else self.application

    def _alone(self, lock: threading.Lock, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with lock:
            return list(self.application(environ, start_response))

    def _object(self, role_arn: str, permission: Permission, environ: Environ) -> Application:
        """Deny the call if the object does not exist and the role may not list the bucket, as S3 does."""
        response = Response.from_app(self.application, environ)
        listing = Permission("s3:ListBucket", permission.resource.partition("/")[0])
        if response.status_code == HTTPStatus.NOT_FOUND and not self.authorization.is_allowed(role_arn, listing):
            return _denial(role_arn, listing, "s3")
        return response

    def _page(self, environ: Environ) -> Response:
        name = environ["PATH_INFO"].removeprefix(OWN_PAGES)
        if name not in self.pages:
            return Response(f"There is no page {name}: it is one of {', '.join(self.pages)}.", HTTPStatus.NOT_FOUND)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        document = json.loads(environ["wsgi.input"].read(length)) if length else None
        try:
            answer = self.pages[name](parse_qs(environ["QUERY_STRING"]), document)
        except LocalAwsError as error:
            return Response(str(error), HTTPStatus.NOT_FOUND)
        return Response(json.dumps(answer), content_type="application/json")


def _without_cors(start_response: Callable[..., Any]) -> Callable[..., Any]:
    """Leave out the headers by which moto lets web pages of any origin read its answers."""

    def start(status: str, headers: list[tuple[str, str]], *rest: object) -> object:
        kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
        return start_response(status, kept, *rest)

    return start


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


def _denial(role_arn: str, denied: Permission, service: str) -> Response:
    message = f"{role_arn} is not authorized to perform: {denied.action} on resource: {denied.resource}"
    logger.warning("%s", message)
    code = "AccessDenied" if service == "s3" else "AccessDeniedException"
    return _error(service, code, message, 403 if service in {"s3", "lambda", "emr-serverless"} else 400)


def _error(service: str, code: str, message: str, status: int) -> Response:
    """Return an error in the format of a service: XML for S3, JSON for the others."""
    headers = {"x-amzn-ErrorType": code}
    if service == "s3":
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return Response(body, status, headers, content_type="application/xml")
    body = json.dumps({"__type": code, "message": message})
    return Response(body, status, headers, content_type="application/json")
