"""The files of a local folder, in the order in which S3 lists keys."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from contract.image_names import is_no_image
from contract.layout import IMAGES
from spark_app.errors import ImagesError
from spark_app.local_files import FoundFile, walk

LONGEST_KEY = 1024
"""Limit of S3, in bytes of UTF-8."""


@dataclass(frozen=True)
class LocalFile(FoundFile):
    """A file to upload, or why it can't be uploaded."""

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


def files_below(folder: Path, on_skipped: Callable[[str], None] = lambda _: None) -> Iterator[LocalFile]:
    """List files in the order of their keys. This follows links, opens no file, and holds the names of one folder.

    Parameters
    ----------
    on_skipped
        Called with the name of each file that is no image by name, which the listing omits.
    """
    for found in walk(str(folder)):
        if is_no_image(found.name):
            on_skipped(found.name)
        else:
            yield LocalFile(found.name, found.problem or _problem_of_key(found.name))


def _problem_of_key(name: str) -> str | None:
    if len(f"{IMAGES}{name}".encode()) > LONGEST_KEY:
        return f"the name is longer than {LONGEST_KEY} bytes: shorten it"
    return None
