"""A process that runs a function: AWS's own runtime client with the code of the function's bundle and nothing else.

The client fetches invocations from, and posts their results to, a small HTTP server that implements the Lambda Runtime
API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). One process serves many invocations.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import uuid4

from moto.awslambda.models import LambdaFunction

from localaws import processes
from localaws.account import LocalAws
from localaws.logs import LogLine
from localaws.origins import why_refused

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The only runtime of functions is the Python of this process."""

INIT_SECONDS = 10
"""A process may take so long to start before the function's own timeout begins."""

_BOOT = "import runpy; runpy.run_module('awslambdaric', run_name='__main__', alter_sys=True)"


@dataclass(frozen=True)
class InvocationResult:
    """The result of an invocation.

    Attributes
    ----------
    payload
        The value that the function returned, or its error, as JSON.
    failed
        Whether `payload` is an error.
    log
        The output of the function between the lines that AWS adds.
    """

    payload: bytes
    failed: bool
    log: list[LogLine]


class Signal(Enum):
    """The signals that a process gives while it serves invocations."""

    READY = "asks for an invocation"
    RESPONSE = "posts a response"
    ERROR = "posts an error"
    INIT_ERROR = "cannot load the function"
    EXIT = "has ended"
    TIMEOUT = "gave no signal in time"
    MEMORY = "has used more memory than the function has"


class _RuntimeApi(ThreadingHTTPServer):
    """The Lambda Runtime API of one process."""

    daemon_threads = True

    def __init__(self, function: LambdaFunction) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeCalls)
        self.function = function
        self.invocations: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        self.signals: SimpleQueue[tuple[Signal, bytes]] = SimpleQueue()
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        """End the request that waits for an invocation, and the server soon after."""
        self.invocations.put(None)
        threading.Thread(target=self._end, daemon=True).start()

    def _end(self) -> None:
        self.shutdown()
        self.server_close()


class _RuntimeCalls(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: otherwise each answer waits 40 ms for an acknowledgement
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Wait for the next invocation, and answer with it."""
        if self._is_refused():
            return
        self.server.signals.put((Signal.READY, b""))
        invocation = self.server.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        request_id, event = invocation
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(_now() + self.server.function.timeout * 1000),
            "Lambda-Runtime-Invoked-Function-Arn": self.server.function.function_arn,
            # Not sampled: there is no X-Ray here.
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0",
        }
        self._answer(200, event, headers)

    def do_POST(self) -> None:
        """Accept the result of an invocation."""
        if self._is_refused():
            return
        ends = {"/runtime/init/error": Signal.INIT_ERROR, "/response": Signal.RESPONSE, "/error": Signal.ERROR}
        given = next(given for end, given in ends.items() if self.path.endswith(end))
        self.server.signals.put((given, self._body()))
        self._answer(202, b'{"status": "OK"}', {})

    def _is_refused(self) -> bool:
        """Refuse a request of a web page."""
        refused = why_refused(self.headers.get, self.server.server_port)
        if refused:
            self.close_connection = True
            self._answer(403, json.dumps({"errorMessage": refused}).encode(), {})
        return refused is not None

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
        """Write no access log: standard error belongs to the server's log."""


class _Output:
    """The output of a process, line by line, up to a given moment.

    `take` writes a mark into the same pipe: when the reader meets the mark, it has read everything before it.
    """

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self._mark = secrets.token_hex(16).encode() + b"\n"
        self._lines: list[LogLine] = []
        self._taken: SimpleQueue[list[LogLine]] = SimpleQueue()
        threading.Thread(target=self._read, args=(reading,), daemon=True).start()

    def take(self) -> list[LogLine]:
        """Return the lines since the last call."""
        os.write(self.writing, self._mark)
        return self._taken.get()

    def close(self) -> None:
        """Close the pipe; the process must have ended."""
        os.close(self.writing)

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, "rb") as pipe:
            for printed in pipe:
                line = printed.removesuffix(self._mark)
                if line:
                    # The runtime client writes an error as one event, with \r for the ends of its lines.
                    text = line.decode(errors="replace").rstrip("\n").replace("\r", "\n")
                    self._lines.append(LogLine(_now(), f"{text}\n"))
                if line != printed:
                    self._taken.put(self._lines)
                    self._lines = []


class Sandbox:
    """A process of a function; it serves one invocation at a time.

    Parameters
    ----------
    code, image
        Folders with the code of the function, and with the Python packages that AWS's image adds.
    starter
        Executor whose only thread starts all processes and lives longer than they do: Linux takes the end of the thread
        that started a process for the end of the parent, and kills the process.
    """

    def __init__(self, aws: LocalAws, function: LambdaFunction, code: Path, image: Path, starter: Executor) -> None:
        self.function = function
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid4().hex}"
        self._aws = aws
        self._code, self._image = code, image
        self._begun = time.monotonic()
        self._cold = True
        self._ended = False
        self._api = _RuntimeApi(function)
        self._output = _Output()
        self._process = starter.submit(self._start).result()
        aws.processes[function.role] = self._process.pid
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def is_usable(self) -> bool:
        """Whether the process can serve another invocation."""
        return not self._ended and self._process.poll() is None

    def invoke(self, event: bytes) -> InvocationResult:
        """Invoke the function; a timeout and the end of the process are results, too."""
        request_id = str(uuid4())
        given, body = self._wait(self.function.timeout + INIT_SECONDS * self._cold)
        before = self._output.take()
        started, begun, init = _now(), time.monotonic(), time.monotonic() - self._begun
        if given is Signal.READY:
            self._aws.processes[self.function.role] = self._process.pid
            self._api.invocations.put((request_id, event))
            given, body = self._wait(self.function.timeout)
        seconds, used = time.monotonic() - begun, processes.peak_megabytes(self._process)
        if given in _GIVEN_BY_FUNCTION and used > self.function.memory_size:
            given = Signal.MEMORY
        if given not in _GIVEN_BY_FUNCTION:
            self.kill()
            body = self._explain(given, request_id) if given is not Signal.INIT_ERROR else body
        log = [
            *before,
            LogLine(started, f"START RequestId: {request_id} Version: $LATEST\n"),
            *self._output.take(),
            *([LogLine(_now(), f"{json.loads(body)['errorMessage']}\n")] if given in _SUDDEN else []),
            LogLine(_now(), f"END RequestId: {request_id}\n"),
            LogLine(_now(), f"REPORT RequestId: {request_id}\t{self._report(seconds, init, used)}\n"),
        ]
        self._cold = False
        return InvocationResult(body, given is not Signal.RESPONSE, log)

    def kill(self) -> None:
        """Kill the process with everything that it has started; this also ends an invocation."""
        processes.sweep(self._process)

    def close(self) -> None:
        """Kill the process, and close its server and its pipe; no invocation may be going on."""
        self._ended = True
        self.kill()
        self._api.stop()
        self._output.close()

    def _start(self) -> subprocess.Popen[bytes]:
        scratch, output = self._aws.folder / "functions" / uuid4().hex, self._output.writing
        scratch.mkdir(parents=True)
        # -S hides the packages of this environment from the function.
        command = [sys.executable, "-S", "-c", _BOOT, str(self.function.handler)]
        return processes.start(command, self._code, self._environment(scratch), output, output)

    def _environment(self, scratch: Path) -> dict[str, str]:
        """Return the variables of https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html."""
        function = self.function
        return {
            **self._aws.environment(function.role),
            "PYTHONPATH": f"{self._code}:{self._image}",
            "HOME": str(scratch),  # the user's own home may hold a configuration of AWS
            "TMPDIR": str(scratch),
            "TZ": ":UTC",
            "_HANDLER": str(function.handler),
            "LAMBDA_TASK_ROOT": str(self._code),
            "LAMBDA_RUNTIME_DIR": str(self._image),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{PYTHON}",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
            **function.environment_vars,
        }

    def _watch(self) -> None:
        self._process.wait()
        if self._aws.processes.get(self.function.role) == self._process.pid:
            self._aws.processes.pop(self.function.role, None)
        self._api.signals.put((Signal.EXIT, b""))

    def _wait(self, seconds: float) -> tuple[Signal, bytes]:
        try:
            return self._api.signals.get(timeout=seconds)
        except Empty:
            return Signal.TIMEOUT, b""

    def _explain(self, given: Signal, request_id: str) -> bytes:
        if given is Signal.TIMEOUT:
            kind, reason = "Sandbox.Timedout", f"Task timed out after {self.function.timeout:.2f} seconds"
        elif given is Signal.MEMORY:
            # AWS kills the process in the middle of its work, here it is found out when the work is done.
            kind, reason = "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"
        else:
            code = self._process.returncode
            status = f"signal: {(signal.strsignal(-code) or str(-code)).lower()}" if code < 0 else f"exit status {code}"
            kind, reason = "Runtime.ExitError", f"Runtime exited with error: {status}"
        return json.dumps({"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {reason}"}).encode()

    def _report(self, seconds: float, init: float, used: int) -> str:
        duration = f"Duration: {seconds * 1000:.2f} ms\tBilled Duration: {int(seconds * 1000) + 1} ms"
        init_duration = f"\tInit Duration: {init * 1000:.2f} ms" if self._cold else ""
        memory = f"\tMemory Size: {self.function.memory_size} MB\tMax Memory Used: {used} MB"
        return f"{duration}{memory}{init_duration}"


_GIVEN_BY_FUNCTION = {Signal.RESPONSE, Signal.ERROR}

_SUDDEN = {Signal.EXIT, Signal.TIMEOUT, Signal.MEMORY}
"""The function cannot print the reason of these itself."""


def _now() -> int:
    return int(time.time() * 1000)
