"""The files that commands write for their user: none is replaced unasked, and each appears when it is complete."""

from collections.abc import Collection, Iterator
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
    with _writing(path):
        if path.is_dir() or (path.exists() and not may_replace):
            raise OutputError(f"{path} exists: choose another name{'' if path.is_dir() else ', or add --force'}.")


def check_folder_of(path: Path) -> None:
    """Check that the folder exists in which a file or a folder will be written.

    Raises
    ------
    OutputError
        If it does not exist.
    """
    with _writing(path):
        if not path.parent.is_dir():
            raise OutputError(f"There is no folder {path.parent} for {path.name}.")


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, if they do not exist.

    Raises
    ------
    OutputError
        If that is not possible.
    """
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)


def try_folder(path: Path) -> None:
    """Check that a folder exists or can be made, and leave everything as it is.

    Raises
    ------
    OutputError
        If it can't be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    make_folder(path)
    for folder in missing:
        folder.rmdir()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"Can't write {path}: {error.strerror or error}.") from error


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Yield a path on the same disk; after the body, its file moves to `path`, or is deleted if the body fails.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    with _writing(path), scratch_folder(path.parent, PARTIAL) as folder:
        partial = folder / path.name
        yield partial
        partial.replace(path)


def check_new_folder(path: Path, names: Collection[str], *, may_replace: bool) -> None:
    """Check that a folder can be written.

    Parameters
    ----------
    names
        Names of the files that the folder will contain. A folder with any other file is not replaced.

    Raises
    ------
    OutputError
        If there is no folder for it, or if it exists and must not be replaced.
    """
    check_folder_of(path)
    with _writing(path):
        if path.exists():
            _check_folder(path, names, may_replace=may_replace)


def _check_folder(path: Path, names: Collection[str], *, may_replace: bool) -> None:
    if not path.is_dir():
        raise OutputError(f"{path} exists and is no folder: choose another name.")
    if others := sorted({entry.name for entry in path.iterdir()} - set(names)):
        raise OutputError(f"{path} contains other files, such as {others[0]!r}: choose another name.")
    if not may_replace:
        raise OutputError(f"{path} exists: choose another name, or add --force.")


@contextmanager
def complete_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder on the same disk; after the body, it takes the place of `path`, or is deleted if that fails.

    Raises
    ------
    OutputError
        If the folder can't be written.
    """
    with _writing(path), scratch_folder(path.parent, PARTIAL) as scratch:
        partial = scratch / "new"
        partial.mkdir()
        yield partial
        _replace(path, partial, scratch / "old")


def _replace(path: Path, new: Path, old: Path) -> None:
    """Move a folder to `path`, and what is there to `old`. If that fails, everything stays where it is."""
    try:
        if path.exists():
            path.rename(old)
        new.rename(path)
    except BaseException:  # Ctrl-C, too
        if old.exists() and not path.exists():
            old.rename(path)
        raise
