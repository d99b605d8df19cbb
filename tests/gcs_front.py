"""The XML interface of Google Cloud Storage, in front of fake-gcs-server, which has the JSON interface only.

obstore uses the XML interface; the listings of `spark_app.google_storage` and Spark's connector use the JSON interface.
https://cloud.google.com/storage/docs/xml-api/reference-methods says what each request means.
"""

import base64
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

JSON_PATHS = ("/storage/", "/upload/", "/download/", "/batch/")
HOP_BY_HOP = {"transfer-encoding", "connection", "content-length", "date", "server"}


class _Handler(BaseHTTPRequestHandler):
    """Answers a request, with one or more requests to the emulator."""

    disable_nagle_algorithm = True  # otherwise, each answer whose head and body are sent apart takes 40 ms

    protocol_version = "HTTP/1.1"
    emulator: str
    uploads: dict[str, dict[int, bytes]]

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _handle(self) -> None:
        body = self._body()
        url = urlsplit(self.path)
        if url.path.startswith(JSON_PATHS):
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            self._pass_on(self.command, self.path, body, headers | {"Host": self.emulator})
            return
        bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if not key:
            self._list(bucket, query)
        elif self.command in {"GET", "HEAD"}:
            self._read(bucket, key)
        elif self.command == "DELETE":
            self._pass_on("DELETE", _object(bucket, key))
        elif self.command == "POST" or "partNumber" in query:
            self._write_in_parts(bucket, key, query, body)
        elif source := self.headers.get("x-goog-copy-source"):
            self._copy(unquote(source).removeprefix("/"), bucket, key)
        else:
            self._write(bucket, key, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _handle  # noqa: N815 -- the names of http.server

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        wanted = {"prefix": query.get("prefix", ""), "maxResults": "1000"}
        if token := query.get("continuation-token"):
            wanted["pageToken"] = token
        status, page = self._json("GET", f"/storage/v1/b/{bucket}/o?{urlencode(wanted)}")
        if status != 200:
            self._answer(status, b"<Error><Code>NoSuchBucket</Code></Error>")
            return
        entries = "".join(
            f"<Contents><Key>{escape(o['name'])}</Key><Size>{o['size']}</Size><ETag>{_etag(o)}</ETag>"
            f"<LastModified>{o['updated']}</LastModified></Contents>"
            for o in page.get("items", [])
        )
        following = page.get("nextPageToken")
        more = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
        self._answer(200, f"<ListBucketResult>{entries}{more}</ListBucketResult>".encode())

    def _read(self, bucket: str, key: str) -> None:
        status, found = self._json("GET", _object(bucket, key))
        if status != 200:
            self._answer(status, b"")
            return
        headers = {"Range": self.headers["Range"]} if "Range" in self.headers else {}
        answer = self._ask(self.command, f"{_object(bucket, key)}?alt=media", b"", headers)
        body = answer.read()
        self.send_response(answer.status)
        self._send_version(found)
        for name in ("Content-Range", "Last-Modified", "Content-Type"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)) if self.command == "GET" else found["size"])
        self.end_headers()
        self.wfile.write(body)

    def _write(self, bucket: str, key: str, body: bytes) -> None:
        wanted = {"uploadType": "media", "name": key}
        if generation := self.headers.get("x-goog-if-generation-match"):
            wanted["ifGenerationMatch"] = generation
        self._made(*self._json("POST", f"/upload/storage/v1/b/{bucket}/o?{urlencode(wanted)}", body))

    def _write_in_parts(self, bucket: str, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            name = str(len(self.uploads))
            self.uploads[name] = {}
            answer = "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>"
            self._answer(200, answer.format(name).encode())
        elif "partNumber" in query:
            self.uploads[query["uploadId"]][int(query["partNumber"])] = body
            self._answer(200, b"", {"ETag": f'"part-{query["partNumber"]}"'})
        else:
            parts = self.uploads.pop(query["uploadId"])
            path = f"/upload/storage/v1/b/{bucket}/o?{urlencode({'uploadType': 'media', 'name': key})}"
            status, made = self._json("POST", path, b"".join(parts[number] for number in sorted(parts)))
            answer = f"<CompleteMultipartUploadResult><ETag>{_etag(made)}</ETag></CompleteMultipartUploadResult>"
            self._answer(status, answer.encode(), {"x-goog-generation": made["generation"]})

    def _copy(self, source: str, bucket: str, key: str) -> None:
        from_bucket, _, from_key = source.partition("/")
        path = f"{_object(from_bucket, from_key)}/rewriteTo/b/{bucket}/o/{quote(key, safe='')}"
        status, made = self._json("POST", path, b"{}")
        self._made(status, made.get("resource", {}))

    def _made(self, status: int, made: dict[str, Any]) -> None:
        versions = {"ETag": _etag(made), "x-goog-generation": made["generation"]} if status == 200 else {}
        self._answer(status, b"", versions)

    def _pass_on(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        answer = self._ask(method, path, body, headers or {})
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        self._answer(answer.status, answer.read(), kept)

    def _json(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
        answer = self._ask(method, path, body, {"Content-Type": "application/octet-stream"})
        text = answer.read()
        return answer.status, json.loads(text) if answer.status == 200 else {}

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> HTTPResponse:
        connection = HTTPConnection(self.emulator)
        connection.request(method, path, body or None, headers | {"Content-Length": str(len(body))})
        return connection.getresponse()

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def _send_version(self, found: dict[str, Any]) -> None:
        self.send_header("ETag", _etag(found))
        self.send_header("x-goog-generation", found["generation"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 -- as socketserver defines it
        """Print nothing if the client has gone, as it may at any time."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def xml_front(emulator: str) -> Iterator[str]:
    """Serve both interfaces; yield the URL.

    Parameters
    ----------
    emulator
        Host and port of fake-gcs-server.
    """
    handler = type("Handler", (_Handler,), {"emulator": emulator, "uploads": {}})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _object(bucket: str, key: str) -> str:
    return f"/storage/v1/b/{bucket}/o/{quote(key, safe='')}"


def _etag(found: dict[str, Any]) -> str:
    """Return the etag of the XML interface, which is another one than that of the JSON interface."""
    return f'"{base64.b64decode(found["md5Hash"]).hex()}"'
