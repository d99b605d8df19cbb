"""The files of a folder, in the order in which S3 lists keys."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from contract.layout import IMAGES
from contract.notices import Happening, Notice, NoticeError
from spark_app.errors import ImagesError

LONGEST_KEY = 1024
"""Bytes of UTF-8, in S3."""


@dataclass(frozen=True)
class Found:
    """A file, or a folder that can't be looked into.

    Attributes
    ----------
    name
        Its path below the folder, with slashes.
    problem
        Why it can't be uploaded; None if nothing is known against it.
    """

    name: str
    problem: str | None = None

    @property
    def key(self) -> str:
        """Of the object that it becomes."""
        return f"{IMAGES}{self.name}"


def check_folder(folder: Path) -> None:
    """See that the folder is there.

    Raises
    ------
    ImagesError
        If it isn't.
    """
    if not folder.is_dir():
        raise ImagesError(f"There is no folder {folder}.")


def files_below(folder: Path) -> Iterator[Found]:
    """List files in the order of their keys. Links are followed; whether a file can be read is not looked at.

    Of the names, those of one folder at a time are held.
    """
    yield from _files_in(f"{folder}/", "", ())


def _files_in(folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[Found]:
    try:
        status = os.stat(folder)  # noqa: PTH116 -- strings: a hundred thousand Path objects cost seconds
        names = _sorted_names(folder)
    except OSError as error:
        yield Found(prefix or ".", error.strerror or str(error))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        yield Found(prefix, "the link leads back to a folder that it is in")
        return
    for name in names:
        found = _checked(Found(prefix + name))
        if found.problem is None and name.endswith("/"):
            yield from _files_in(f"{folder}{name}", found.name, (*above, here))
        else:
            yield found


def _sorted_names(folder: str) -> list[str]:
    """List a folder; names of folders end in a slash: with it they take their place among the keys."""
    with os.scandir(folder) as entries:
        return sorted(f"{entry.name}/" if _is_folder(entry) else entry.name for entry in entries)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link in a circle: opening it will say so


def _checked(found: Found) -> Found:
    """Note what S3 or the notices of the inbox have against a name."""
    try:
        Notice(key=found.name.rstrip("/"), op=Happening.REMOVED)
    except NoticeError:
        return replace(found, problem="the name has control characters, or is no UTF-8: rename it")
    if len(found.key.encode()) > LONGEST_KEY:
        return replace(found, problem=f"the name is longer than {LONGEST_KEY} bytes: shorten it")
    return found
