"""Scratch folders that end with their process: those of killed processes are removed by the next process."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

PARTIAL = ".fruits-partial-"
"""Beginning of the names of folders for incomplete files, in folders of the user."""

SESSION = "fruits-session-"
"""Beginning of the names of scratch folders in the folder for temporary files."""


def session_folder() -> AbstractContextManager[Path]:
    """Make a scratch folder in the folder for temporary files."""
    return scratch_folder(Path(tempfile.gettempdir()), SESSION)


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a folder, remove it after the body, and remove the folders that killed processes have left.

    A process locks its folder, and the operating system releases the lock when the process ends in any way. So a folder
    without a lock belongs to no process. The folders of other users stay.

    Parameters
    ----------
    parent
        Folder that exists.
    prefix
        Beginning of the folder's name. Every folder of this name must have been made by this function.
    """
    for found in parent.glob(f"{prefix}*"):
        _remove_if_abandoned(found)
    folder, lock = _make_locked(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make_locked(parent: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder, and lock it before another process can take it for abandoned and remove it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            with suppress(OSError):  # a file system without locks, where no process takes a folder for abandoned
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_if_abandoned(folder: Path) -> None:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return  # it has been removed, is a link, or belongs to another user
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # its process is alive
    finally:
        os.close(lock)
