"""A process that runs a function: AWS's own runtime client, on the code that is shipped and nothing else.

The client asks for work, and hands in what came of it, at a small HTTP server: the Lambda Runtime API
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). A process that is warm is called again.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import uuid4

from localaws.account import LocalAws

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The only runtime of functions: that of this machine."""

INIT_SECONDS = 10
"""How long AWS lets a process start before the time counts as the function's."""

LAST_LOG_BYTES = 4096
"""What AWS answers of the log, if asked."""

_BOOT = "import runpy; runpy.run_module('awslambdaric', run_name='__main__', alter_sys=True)"
if sys.platform == "linux":
    # Should the local AWS be killed, so is the function, whatever it is busy with.
    _BOOT = f"import ctypes; ctypes.CDLL(None).prctl(1, {int(signal.SIGKILL)}); del ctypes; {_BOOT}"

# The kernel takes the end of a thread for the end of the parent (see above): all are started by one that stays.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts-functions")


@dataclass(frozen=True)
class Program:
    """What runs, and how.

    Attributes
    ----------
    name, arn, handler, role_arn, log_group
        Of the function.
    timeout
        Seconds that it may take.
    memory_mb
        Is told to the function, not enforced.
    bundle, image
        Folders of Python modules: its code, and what the image of AWS has.
    variables
        Its environment, as pairs.
    """

    name: str
    arn: str
    handler: str
    role_arn: str
    log_group: str
    timeout: int
    memory_mb: int
    bundle: Path
    image: Path
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LogLine:
    """Something that was printed.

    Attributes
    ----------
    at
        Milliseconds since 1970.
    text
        With the end of its line, as AWS keeps it.
    """

    at: int
    text: str


@dataclass(frozen=True)
class Outcome:
    """What came of an invocation.

    Attributes
    ----------
    payload
        What the function returned, or the error, as JSON.
    failed
        Whether it is an error.
    log
        What was printed meanwhile, and what AWS says about it.
    """

    payload: bytes
    failed: bool
    log: list[LogLine]

    @property
    def last_log(self) -> bytes:
        """The end of the log."""
        return "".join(line.text for line in self.log).encode()[-LAST_LOG_BYTES:]


class Happening(Enum):
    """What a process does, as seen from outside."""

    READY = "asks for work"
    RESPONSE = "has a response"
    ERROR = "has an error"
    INIT_ERROR = "could not start"
    EXIT = "has ended"
    NOTHING = "took too long"


@dataclass(frozen=True)
class _Invocation:
    request_id: str
    event: bytes
    program: Program

    def headers(self) -> dict[str, str]:
        """Compose what the runtime client reads, at the moment when the time of the function begins to run."""
        deadline = (time.time() + self.program.timeout) * 1000
        return {
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline)),
            "Lambda-Runtime-Invoked-Function-Arn": self.program.arn,
            # Not sampled: there is nobody to send traces to.
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0",
        }


class _RuntimeApi(ThreadingHTTPServer):
    """What the runtime client of one process talks to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeCalls)
        self.work: SimpleQueue[_Invocation | None] = SimpleQueue()
        self.happenings: SimpleQueue[tuple[Happening, bytes]] = SimpleQueue()
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        """Let nobody wait for work any longer, and end as soon as that is seen."""
        self.work.put(None)
        threading.Thread(target=self._end, daemon=True).start()

    def _end(self) -> None:
        self.shutdown()
        self.server_close()


class _RuntimeCalls(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: else each answer waits 40 ms for an acknowledgement
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Hand over the next invocation, as soon as there is one."""
        self.server.happenings.put((Happening.READY, b""))
        invocation = self.server.work.get()
        if invocation is None:
            self.close_connection = True
        else:
            self._answer(200, invocation.event, invocation.headers())

    def do_POST(self) -> None:
        """Take what came of one."""
        body = self._body()
        ends = {
            "/runtime/init/error": Happening.INIT_ERROR,
            "/response": Happening.RESPONSE,
            "/error": Happening.ERROR,
        }
        self.server.happenings.put((next(what for end, what in ends.items() if self.path.endswith(end)), body))
        self._answer(202, b'{"status": "OK"}', {})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name that the base class gives it
        """Say nothing: the log is the function's."""


class _Output:
    """What a process prints, line by line, up to a moment.

    This side can write into the pipe, too: when its own mark comes out, everything before it has.
    """

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self._mark = secrets.token_hex(16).encode() + b"\n"
        self._lines: list[LogLine] = []
        self._taken: SimpleQueue[list[LogLine]] = SimpleQueue()
        threading.Thread(target=self._read, args=(reading,), daemon=True).start()

    def take(self) -> list[LogLine]:
        """Return what was printed since the last time."""
        os.write(self.writing, self._mark)
        return self._taken.get()

    def close(self) -> None:
        """End; who printed is gone."""
        os.close(self.writing)

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, "rb") as pipe:
            for printed in pipe:
                line = printed.removesuffix(self._mark)
                if line:
                    # The runtime client has errors in one event, and writes \r for the ends of their lines.
                    text = line.decode(errors="replace").rstrip("\n").replace("\r", "\n")
                    self._lines.append(LogLine(_now(), f"{text}\n"))
                if line != printed:
                    self._taken.put(self._lines)
                    self._lines = []


class Sandbox:
    """One process; it works on one invocation at a time.

    Attributes
    ----------
    program
        What it runs.
    log_stream
        Its own, in the log group of the function.
    """

    def __init__(self, aws: LocalAws, program: Program) -> None:
        self.program = program
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid4().hex}"
        self._aws = aws
        self._begun = time.monotonic()
        self._cold = True
        self._ended = False
        self._api = _RuntimeApi()
        self._output = _Output()
        self._process = _starter.submit(self._start).result()
        aws.processes[program.role_arn] = self._process.pid
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def is_usable(self) -> bool:
        """Whether it can be called."""
        return not self._ended and self._process.poll() is None

    def invoke(self, event: bytes) -> Outcome:
        """Call the function; whatever happens to it, there is an outcome."""
        request_id = str(uuid4())
        what, body = self._wait(self.program.timeout + INIT_SECONDS * self._cold)
        before = self._output.take()
        started, begun, init = _now(), time.monotonic(), time.monotonic() - self._begun
        if what is Happening.READY:
            self._aws.processes[self.program.role_arn] = self._process.pid
            self._api.work.put(_Invocation(request_id, event, self.program))
            what, body = self._wait(self.program.timeout)
        seconds = time.monotonic() - begun
        if what not in {Happening.RESPONSE, Happening.ERROR}:
            self.kill()
            body = self._explain(what, request_id) if what is not Happening.INIT_ERROR else body
        log = [
            *before,
            LogLine(started, f"START RequestId: {request_id} Version: $LATEST\n"),
            *self._output.take(),
            *([LogLine(_now(), f"{json.loads(body)['errorMessage']}\n")] if what in _SUDDEN else []),
            LogLine(_now(), f"END RequestId: {request_id}\n"),
            LogLine(_now(), f"REPORT RequestId: {request_id}\t{self._report(seconds, init)}\n"),
        ]
        self._cold = False
        return Outcome(body, what is not Happening.RESPONSE, log)

    def kill(self) -> None:
        """End the process, and everything that it has started; an invocation ends with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End it, and let go of everything; nobody waits for an invocation any longer."""
        self._ended = True
        self.kill()
        self._api.stop()
        self._output.close()

    def _start(self) -> subprocess.Popen[bytes]:
        program = self.program
        scratch = self._aws.folder / "functions" / uuid4().hex
        scratch.mkdir(parents=True)
        return subprocess.Popen(
            # -S: the packages of this environment are not those of the function.
            [sys.executable, "-S", "-c", _BOOT, program.handler],
            cwd=program.bundle,
            env=self._environment(scratch),
            stdin=subprocess.DEVNULL,
            stdout=self._output.writing,
            stderr=self._output.writing,
            start_new_session=True,
        )

    def _environment(self, scratch: Path) -> dict[str, str]:
        """Compose the environment as https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html has it."""
        program = self.program
        return {
            **self._aws.environment(program.role_arn),
            "PYTHONPATH": f"{program.bundle}:{program.image}",
            "HOME": str(scratch),  # not that of who rehearses: it may hold a configuration of AWS
            "TMPDIR": str(scratch),
            "TZ": ":UTC",
            "_HANDLER": program.handler,
            "LAMBDA_TASK_ROOT": str(program.bundle),
            "LAMBDA_RUNTIME_DIR": str(program.image),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{PYTHON}",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": program.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(program.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": program.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
            **dict(program.variables),
        }

    def _watch(self) -> None:
        self._process.wait()
        if self._aws.processes.get(self.program.role_arn) == self._process.pid:
            self._aws.processes.pop(self.program.role_arn, None)
        self._api.happenings.put((Happening.EXIT, b""))

    def _wait(self, seconds: float) -> tuple[Happening, bytes]:
        try:
            return self._api.happenings.get(timeout=seconds)
        except Empty:
            return Happening.NOTHING, b""

    def _explain(self, what: Happening, request_id: str) -> bytes:
        if what is Happening.NOTHING:
            kind, reason = "Sandbox.Timedout", f"Task timed out after {self.program.timeout:.2f} seconds"
        else:
            kind, reason = "Runtime.ExitError", f"Runtime exited with error: {_status(self._process.returncode)}"
        return json.dumps({"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {reason}"}).encode()

    def _report(self, seconds: float, init: float) -> str:
        milliseconds = seconds * 1000
        figures = {
            "Duration": f"{milliseconds:.2f} ms",
            "Billed Duration": f"{int(milliseconds) + 1} ms",
            "Memory Size": f"{self.program.memory_mb} MB",
        }
        if self._cold:
            figures["Init Duration"] = f"{init * 1000:.2f} ms"
        return "\t".join(f"{name}: {value}" for name, value in figures.items())


_SUDDEN = {Happening.EXIT, Happening.NOTHING}
"""Of these the function itself can't print anything."""


def _status(code: int) -> str:
    if code < 0:
        return f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    return f"exit status {code}"


def _now() -> int:
    return int(time.time() * 1000)
