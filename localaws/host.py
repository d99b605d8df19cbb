"""A local AWS in a process of its own: its start, its use by clients, and its end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from localaws.account import ADMINISTRATOR, LOG, OWN_PAGES, LocalAwsError, administrator_session, variables_for

END_SECONDS = 30.0
"""Time that a local AWS has to end its jobs and functions before it is killed."""


@dataclass(frozen=True)
class Host:
    """A running local AWS.

    Attributes
    ----------
    child
        The process; `None` if another process has started it.
    """

    endpoint: str
    pid: int
    folder: str
    child: subprocess.Popen[str] | None = field(default=None, repr=False, compare=False)

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3's clients
        """Return a client of a service that acts as the administrator."""
        return self.session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload] # the overloads of boto3's stubs list literal names

    def ask(self, page: str, document: object = None) -> Any:  # noqa: ANN401 -- a JSON document
        """Get a page of the local AWS itself, such as ``grants`` or ``credentials?role=…``, or put a document to it."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.endpoint}{OWN_PAGES}{page}", body, method="PUT" if body else "GET")  # noqa: S310 -- http, on this machine
        with urllib.request.urlopen(request) as answer:  # noqa: S310 -- http, on this machine
            return json.load(answer)

    @cached_property
    def session(self) -> boto3.Session:
        """Session of the administrator."""
        return administrator_session()

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that lead every AWS SDK and command to this AWS only."""
        keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ADMINISTRATOR)
        return {**variables_for(self.endpoint), **keys}

    @property
    def log(self) -> Path:
        """File with the log of the server."""
        return Path(self.folder) / LOG

    @property
    def is_alive(self) -> bool:
        """Whether the process exists."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self) -> None:
        """End the process with everything that it has started, and remove the scratch folder."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while (self.is_alive if self.child is None else self.child.poll() is None) and time.monotonic() < deadline:
            time.sleep(0.05)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        if self.child is not None:
            self.child.wait()  # a killed process that has not been waited for would stay in the table of processes
        shutil.rmtree(self.folder, ignore_errors=True)


def start(pace: float, spark_jars: Sequence[Path] = (), *, stay: bool = False) -> Host:
    """Start a local AWS with a scratch folder of its own.

    Parameters
    ----------
    pace, spark_jars
        Attributes of `LocalAws`.
    stay
        Whether the local AWS outlives this process.

    Raises
    ------
    LocalAwsError
        If the process ends before it accepts requests.
    """
    folder = tempfile.mkdtemp(prefix="local-aws-")
    program: list[str | Path] = [sys.executable, "-m", "localaws", "--folder", folder, "--pace", str(pace)]
    process = subprocess.Popen(
        [*program, "--spark-jars", *spark_jars, *(["--stay"] if stay else [])],
        cwd=Path(__file__).parents[1],
        env={**{name: value for name, value in os.environ.items() if not name.startswith("AWS_")}, "TMPDIR": folder},
        # The local AWS ends with this pipe, which the system closes when this process ends in any way.
        stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if not stay else subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches this process only, which then ends the local AWS in order
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 -- for mypy
    line = process.stdout.readline()
    if not line:
        reason = (process.stderr.read() if process.stderr else "").strip().splitlines()
        shutil.rmtree(folder, ignore_errors=True)
        raise LocalAwsError(f"The local AWS does not start: {reason[-1] if reason else 'it gives no reason'}.")
    return Host(json.loads(line)["endpoint"], process.pid, folder, process)


@contextmanager
def local_aws(pace: float, spark_jars: Sequence[Path] = ()) -> Iterator[Host]:
    """Run a local AWS as long as the context is open; nothing of it is left afterwards."""
    host = start(pace, spark_jars)
    try:
        yield host
    finally:
        host.end()
