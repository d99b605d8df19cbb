"""Folders that one of several processes of pytest-xdist makes, and all of them read."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder below that of all processes, which the first caller makes while the others wait.

    Parameters
    ----------
    name
        Name of the folder. It is the same path in all processes, as outputs with tables need.
    make
        Fills the empty folder.
    """
    own = factory.getbasetemp()
    base = own.parent if own.name.startswith("popen-") else own
    folder, done = base / f"shared-{name}", base / f"shared-{name}.done"
    with (base / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
