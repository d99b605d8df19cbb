"""The files that commands write for their user: none is replaced unasked, and each appears when it is complete."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spark_app.errors import OutputError
from spark_app.scratch import PARTIAL, scratch_folder


def check_new_file(path: Path, *, may_replace: bool) -> None:
    """Check that a file can be written.

    Raises
    ------
    OutputError
        If there is no folder for the file, or if the file exists and must not be replaced.
    """
    check_folder_of(path)
    if path.is_dir() or (path.exists() and not may_replace):
        raise OutputError(f"{path} exists: choose another name{'' if path.is_dir() else ', or add --force'}.")


def check_folder_of(path: Path) -> None:
    """Check that the folder exists in which a file or a folder will be written.

    Raises
    ------
    OutputError
        If it does not exist.
    """
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent} for {path.name}.")


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Yield a path on the same disk; after the body, its file moves to `path`, or is deleted if the body fails.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    try:
        with scratch_folder(path.parent, PARTIAL) as folder:
            partial = folder / path.name
            yield partial
            partial.replace(path)
    except OSError as error:
        raise OutputError(f"Can't write {path}: {error.strerror or error}.") from error
