"""What runs on this machine keep outside of their output: a lock for each output, and log files."""

import fcntl
import getpass
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from spark_app.errors import UsageError


@contextmanager
def one_run_at_a_time(output: str) -> Iterator[None]:
    """Hold the lock of an output. The operating system releases it when this process ends, even after a crash.

    Raises
    ------
    UsageError
        If another run works on this output.
    """
    path = _private_folder() / f"{hashlib.sha256(output.encode()).hexdigest()[:16]}.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"Another run is working on {output}: wait until it has ended.") from None
        yield


def new_log() -> Path:
    """Return the path of a new file for the output of Spark and TensorFlow."""
    folder = _private_folder() / "logs"
    folder.mkdir(exist_ok=True)
    return folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"


def _private_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"fruits-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
