"""A small S3 server with a delay per request: `python -m benchmarks.object_server FOLDER --delay 0.03`.

It serves the subfolders of a folder as buckets, and counts the requests of each kind. Moto, on which the tests and the
rehearsal run, takes milliseconds of a processor per request, and would limit what the benchmarks measure.

The server answers GET, HEAD and PUT of objects, listings (``ListObjectsV2``), and the request of `fruits upload` for
the outputs of a stack. It refuses everything else with 501. It does not check signatures.
"""

import argparse
import asyncio
import hashlib
import json
import secrets
import subprocess
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from urllib.request import urlopen
from xml.sax.saxutils import escape

from spark_app.local_files import walk

COUNTS = "/-/counts"
"""Path whose GET returns the number of requests of each kind so far, as JSON, and sets them back to zero."""

PAGE = 1000
"""Maximum number of keys in a page of a listing, as in S3."""


@dataclass(frozen=True)
class Request:
    """A request of HTTP, with its complete body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """An answer of HTTP. That to HEAD leaves out the body."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self, *, with_body: bool) -> bytes:
        """Return the bytes of the answer."""
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n{lines}\r\n".encode()
        return head + self.body if with_body else head


@dataclass(frozen=True)
class Listed:
    """What a listing tells about an object."""

    size: int
    etag: str


class Bucket:
    """The files of a folder as objects. The index in memory is complete: only this object changes the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._objects = {
            found.name: _listed((folder / found.name).read_bytes()) for found in walk(str(folder)) if not found.problem
        }
        self._sorted: list[str] | None = None

    def get(self, key: str) -> Answer:
        """Return the content of an object."""
        found = self._objects.get(key)
        if found is None:
            return _error(HTTPStatus.NOT_FOUND, "NoSuchKey")
        path = self.folder / key
        modified = formatdate(path.stat().st_mtime, usegmt=True)
        return Answer(body=path.read_bytes(), headers={"ETag": f'"{found.etag}"', "Last-Modified": modified})

    def put(self, key: str, body: bytes) -> Answer:
        """Write an object."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        if key not in self._objects:
            self._sorted = None
        self._objects[key] = _listed(body)
        return Answer(headers={"ETag": f'"{self._objects[key].etag}"'})

    def list(self, prefix: str, after: str, limit: int) -> Answer:
        """Return a page of the keys that begin with a prefix and are greater than a given key."""
        self._sorted = self._sorted if self._sorted is not None else sorted(self._objects, key=str.encode)
        start = bisect_right(self._sorted, after.encode(), key=str.encode)
        keys = [key for key in self._sorted[start:] if key.startswith(prefix)]
        page, is_cut = keys[:limit], len(keys) > limit
        items = "".join(
            f"<Contents><Key>{quote(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"{self._objects[key].etag}"</ETag><Size>{self._objects[key].size}</Size>'
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key in page
        )
        more = f"<NextContinuationToken>{page[-1].encode().hex()}</NextContinuationToken>" if is_cut else ""
        return _xml(
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>'
            f"<Prefix>{quote(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{limit}</MaxKeys>"
            f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>{more}{items}</ListBucketResult>"
        )


class ObjectServer:
    """Answers requests, and counts them."""

    def __init__(self, folder: Path) -> None:
        self._buckets = {path.name: Bucket(path) for path in folder.iterdir() if path.is_dir()}
        self.counts: Counter[str] = Counter()
        self.transports: set[asyncio.Transport] = set()

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        url = urlsplit(request.target)
        if url.path == COUNTS:
            answer = Answer(body=json.dumps(self.counts).encode())
            self.counts.clear()
            return answer
        if request.method == "POST" and b"Action=DescribeStacks" in request.body:
            return self._stack()
        name, _, key = unquote(url.path.lstrip("/")).partition("/")
        kind = request.method if key else "LIST"
        self.counts[kind] += 1
        bucket = self._buckets.get(name)
        if bucket is None:
            return _error(HTTPStatus.NOT_FOUND, "NoSuchBucket")
        return _answer(bucket, kind, key, request, parse_qs(url.query, keep_blank_values=True))

    def _stack(self) -> Answer:
        """Return a stack whose bucket is the first one."""
        name = min(self._buckets)
        return _xml(
            '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>'
            "<Stacks><member><StackName>fruits</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs><member>"
            f"<OutputKey>Bucket</OutputKey><OutputValue>{escape(name)}</OutputValue></member></Outputs></member>"
            "</Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )


def _answer(bucket: Bucket, kind: str, key: str, request: Request, query: dict[str, list[str]]) -> Answer:
    if "range" in request.headers or "x-amz-copy-source" in request.headers or (key and query.keys() - {"x-id"}):
        return _error(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")
    if kind == "LIST" and request.method == "GET" and query.get("delimiter", [""]) == [""]:
        token = query.get("continuation-token")
        after = bytes.fromhex(token[0]).decode() if token else query.get("start-after", [""])[0]
        limit = min(PAGE, int(query.get("max-keys", [str(PAGE)])[0]))
        return bucket.list(query.get("prefix", [""])[0], after, limit)
    if kind in {"GET", "HEAD"}:
        return bucket.get(key)
    if kind == "PUT":
        return bucket.put(key, request.body)
    return _error(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")


def _listed(body: bytes) -> Listed:
    return Listed(len(body), hashlib.md5(body, usedforsecurity=False).hexdigest())


def _xml(text: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
    return Answer(status, body, {"Content-Type": "application/xml"})


def _error(status: HTTPStatus, code: str) -> Answer:
    return _xml(f"<Error><Code>{code}</Code><Message>{status.phrase}</Message></Error>", status)


class Connection(asyncio.Protocol):
    """A connection of a client, which sends one request after the other.

    A protocol, not a stream: a stream takes three times the time per request.
    """

    def __init__(self, server: ObjectServer, delay: float) -> None:
        self._server = server
        self._delay = delay
        self._received = bytearray()
        self._head: Request | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- tells mypy what a server of TCP passes
        self._transport = transport
        self._server.transports.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- the interface of asyncio
        """Forget the connection."""
        if self._transport:
            self._server.transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Answer the request when it is complete."""
        self._received += data
        if self._head is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = _parsed(bytes(self._received[:end]))
            del self._received[: end + 4]
            if self._head.headers.get("expect"):
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _body(self._head, self._received)
        if body is not None:
            request = Request(self._head.method, self._head.target, self._head.headers, body)
            self._head = None
            self._received.clear()
            answer = self._server.answer(request).encode(with_body=request.method != "HEAD")
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(answer)


def _parsed(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, target, headers)


def _body(head: Request, received: bytearray) -> bytes | None:
    """Return the body of a request; `None` if it is not complete."""
    if head.headers.get("transfer-encoding", "").lower() == "chunked":
        return _unchunked(bytes(received)) if received.endswith(b"0\r\n\r\n") else None
    if len(received) < int(head.headers.get("content-length", 0)):
        return None
    is_signed_in_chunks = head.headers.get("content-encoding") == "aws-chunked"
    return _unchunked(bytes(received)) if is_signed_in_chunks else bytes(received)


def _unchunked(data: bytes) -> bytes:
    """Join the chunks of a body: each has a line with its size before it, and the last is empty."""
    body = b""
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if not size:
            return body
        body, data = body + data[:size], data[size + 2 :]


@dataclass(frozen=True)
class RunningServer:
    """A server in another process."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the environment that send the requests of a program to this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",  # for obstore
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(8),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }

    def take_counts(self) -> dict[str, int]:
        """Return the number of requests of each kind since the last call."""
        with urlopen(f"{self.url}{COUNTS}") as answer:  # noqa: S310 -- the URL is of this machine
            counts: dict[str, int] = json.load(answer)
        return counts


@contextmanager
def running_server(folder: Path, delay: float = 0.0) -> Iterator[RunningServer]:
    """Serve the subfolders of a folder as buckets, in a process of its own; `delay` is in seconds."""
    command = [sys.executable, "-m", "benchmarks.object_server", str(folder), "--delay", str(delay)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101 -- tells mypy what PIPE means
    try:
        yield RunningServer(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def serve(server: ObjectServer, delay: float, port: int = 0) -> asyncio.Server:
    """Start to listen on this machine only."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(server, delay), "127.0.0.1", port, backlog=1024)


async def _serve_forever(server: ObjectServer, delay: float, port: int) -> None:
    listening = await serve(server, delay, port)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    await listening.serve_forever()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder whose subfolders are the buckets")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds added to each request")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    asyncio.run(_serve_forever(ObjectServer(arguments.folder), arguments.delay, arguments.port))


if __name__ == "__main__":
    main()
