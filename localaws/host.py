"""The process that is the local AWS, seen from outside: starting it, finding it again, ending it."""

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
import botocore.session
from botocore.config import Config

from localaws.account import ADMINISTRATOR, LOG, OWN_PAGES, REGION, LocalAwsError

PATIENCE = 30.0
"""Seconds that a local AWS has to end its jobs and functions."""


@dataclass(frozen=True)
class Host:
    """A local AWS that runs.

    Attributes
    ----------
    endpoint
        URL of all services.
    pid
        Of the process.
    folder
        Its scratch.
    child
        The process, where it is ours.
    """

    endpoint: str
    pid: int
    folder: str
    child: subprocess.Popen[str] | None = field(default=None, repr=False, compare=False)

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3's clients
        """Make a client of a service, as the administrator."""
        return self._session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard"}),
        )

    def ask(self, page: str, document: object = None) -> Any:  # noqa: ANN401 -- a JSON document
        """Ask for what AWS has no service for: ``grants``, ``faults``, ``credentials?role=…``."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.endpoint}{OWN_PAGES}{page}", body, method="PUT" if body else "GET")  # noqa: S310 -- http, of this machine
        with urllib.request.urlopen(request) as answer:  # noqa: S310 -- as above
            return json.load(answer)

    @cached_property
    def _session(self) -> boto3.Session:
        # Whatever profile of AWS is chosen in this shell is not meant for this.
        plain = botocore.session.Session({"profile": (None, None, None, None)})
        return boto3.Session(ADMINISTRATOR, ADMINISTRATOR, region_name=REGION, botocore_session=plain)

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables by which every AWS SDK and command finds this AWS and no other."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ADMINISTRATOR,
            "AWS_SECRET_ACCESS_KEY": ADMINISTRATOR,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def log(self) -> Path:
        """What goes wrong behind the scenes."""
        return Path(self.folder) / LOG

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self) -> None:
        """End it, with all that it has started."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while self._is_there() and time.monotonic() < deadline:
            time.sleep(0.05)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_there(self) -> bool:
        return self.is_alive if self.child is None else self.child.poll() is None


def start(pace: float, spark_jars: Sequence[Path] = (), *, stay: bool = False) -> Host:
    """Start a local AWS in a folder of its own.

    Parameters
    ----------
    pace
        How much shorter waits are than those of AWS.
    spark_jars
        Jars that every Spark job gets.
    stay
        Whether it outlives this process.

    Raises
    ------
    LocalAwsError
        If it doesn't come up.
    """
    folder = tempfile.mkdtemp(prefix="local-aws-")
    program: list[str | Path] = [
        sys.executable,
        "-m",
        "localaws.server",
        "--folder",
        folder,
        "--pace",
        str(pace),
        "--spark-jars",
        *spark_jars,
    ]
    process = subprocess.Popen(
        [*program, *(["--stay"] if stay else [])],
        cwd=Path(__file__).parents[1],
        env={**{name: value for name, value in os.environ.items() if not name.startswith("AWS_")}, "TMPDIR": folder},
        # Its end is ours: it lives as long as the pipe, which the system closes however we end.
        stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if not stay else subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us: we end it in order
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 -- for the types
    line = process.stdout.readline()
    if not line:
        reason = (process.stderr.read() if process.stderr else "").strip().splitlines()
        shutil.rmtree(folder, ignore_errors=True)
        raise LocalAwsError(f"The local AWS doesn't start: {reason[-1] if reason else 'it says no reason'}.")
    return Host(json.loads(line)["endpoint"], process.pid, folder, process)


@contextmanager
def local_aws(pace: float, spark_jars: Sequence[Path] = ()) -> Iterator[Host]:
    """Have a local AWS for a while; nothing of it is left afterwards."""
    host = start(pace, spark_jars)
    try:
        yield host
    finally:
        host.end()
