"""The log files of runs on this machine."""

import getpass
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path


def new_log() -> Path:
    """Return the path of a new file for the output of Spark and TensorFlow."""
    folder = _private_folder() / "logs"
    folder.mkdir(exist_ok=True)
    return folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"


def _private_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"fruits-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
