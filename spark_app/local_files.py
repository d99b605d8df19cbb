"""Paths that users write, and the files below a folder of this machine, in the order of their keys."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contract.layout import fault_of
from spark_app.errors import UsageError


def user_path(text: str) -> Path:
    """Return the path that a user has written, in which ``~`` is the home folder.

    Raises
    ------
    UsageError
        If the system can't look the path up: for example, a name in it is too long, or there is no such user.
    """
    try:
        path = Path(text).expanduser()
        path.exists()
        path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise UsageError(f"{text} is no path that this machine can use: {reason.rstrip('.')}.") from error
    return path


@dataclass(frozen=True)
class FoundFile:
    """A file, or a subfolder that can't be listed.

    Attributes
    ----------
    name
        Path below the folder, with slashes. That of a subfolder ends in a slash.
    problem
        Why the file or the subfolder can't be used; `None` if no reason is known before it is opened.
    """

    name: str
    problem: str | None = None


def walk(folder: str, prefix: str = "") -> Iterator[FoundFile]:
    """List files in the order of their keys. This follows links, opens no file, and holds the names of one folder.

    Parameters
    ----------
    prefix
        Subfolder to list, with a slash at its end; empty for the whole folder.
    """
    yield from _files_in(f"{folder.rstrip('/')}/{prefix}", prefix, ())


def _files_in(folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[FoundFile]:
    try:
        status = os.stat(folder)  # noqa: PTH116 -- strings: a hundred thousand Path objects cost seconds
        names = _sorted_names(folder)
    except OSError as error:
        yield FoundFile(prefix or ".", error.strerror or str(error))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        yield FoundFile(prefix, "the link leads back to a folder that contains it")
        return
    for name in names:
        fault = fault_of(name.rstrip("/"))
        if fault is None and name.endswith("/"):
            yield from _files_in(f"{folder}{name}", prefix + name, (*above, here))
        else:
            yield FoundFile(prefix + name, fault and f"its name can't be used, because {fault}: rename it")


def _sorted_names(folder: str) -> list[str]:
    """List a folder. The slash at the end of a subfolder's name gives the subfolder its place among the keys."""
    with os.scandir(folder) as entries:
        return sorted(f"{entry.name}/" if _is_folder(entry) else entry.name for entry in entries)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # the entry is a link in a circle, and opening it raises the error again
