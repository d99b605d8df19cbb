"""The files of a local folder, in the order in which S3 lists keys."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from contract.layout import IMAGES
from contract.notices import Notice, NoticeError, NoticeType
from spark_app.errors import ImagesError

LONGEST_KEY = 1024
"""Limit of S3, in bytes of UTF-8."""


@dataclass(frozen=True)
class LocalFile:
    """A file, or a subfolder that can't be listed.

    Attributes
    ----------
    name
        Path below the folder, with slashes.
    problem
        Why the file can't be uploaded; `None` if no reason is known before it is opened.
    """

    name: str
    problem: str | None = None

    @property
    def key(self) -> str:
        """Key of the object in the bucket."""
        return f"{IMAGES}{self.name}"


def check_folder(folder: Path) -> None:
    """Check that the folder exists.

    Raises
    ------
    ImagesError
        If the folder does not exist.
    """
    if not folder.is_dir():
        raise ImagesError(f"There is no folder {folder}.")


def files_below(folder: Path) -> Iterator[LocalFile]:
    """List files in the order of their keys. This follows links, opens no file, and holds the names of one folder."""
    yield from _files_in(f"{folder}/", "", ())


def _files_in(folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[LocalFile]:
    try:
        status = os.stat(folder)  # noqa: PTH116 -- strings: a hundred thousand Path objects cost seconds
        names = _sorted_names(folder)
    except OSError as error:
        yield LocalFile(prefix or ".", error.strerror or str(error))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        yield LocalFile(prefix, "the link leads back to a folder that contains it")
        return
    for name in names:
        file = _checked(LocalFile(prefix + name))
        if file.problem is None and name.endswith("/"):
            yield from _files_in(f"{folder}{name}", file.name, (*above, here))
        else:
            yield file


def _sorted_names(folder: str) -> list[str]:
    """List a folder. The slash at the end of a subfolder's name gives the subfolder its place among the keys."""
    with os.scandir(folder) as entries:
        return sorted(f"{entry.name}/" if _is_folder(entry) else entry.name for entry in entries)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # the entry is a link in a circle, and opening it raises the error again


def _checked(file: LocalFile) -> LocalFile:
    """Note why S3 or the notices can't carry the name of a file."""
    try:
        Notice(key=file.name.rstrip("/"), op=NoticeType.REMOVED)
    except NoticeError:
        return replace(file, problem="the name contains control characters, or is not UTF-8: rename it")
    if len(file.key.encode()) > LONGEST_KEY:
        return replace(file, problem=f"the name is longer than {LONGEST_KEY} bytes: shorten it")
    return file
