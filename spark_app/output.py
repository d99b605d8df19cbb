"""The output of a run: the mark that makes a folder an output, its lock, and what the run stages in it."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from contract.layout import (
    BASES,
    CONTROL,
    IMAGES,
    INBOX,
    LATEST,
    MODELS,
    OUTPUT_MARK,
    QUERIES,
    RESULTS,
    STAGING,
    TABLES,
)
from contract.runs import Mode
from spark_app.errors import OutputError, StorageError
from spark_app.place import Place, check_images_folder
from spark_app.settings import RunSettings

if TYPE_CHECKING:
    from spark_app.run import Run

OWN_ENTRIES = {
    folder.rstrip("/") for folder in (BASES, CONTROL, IMAGES, INBOX, MODELS, QUERIES, RESULTS, STAGING, TABLES)
}
"""Folders of an output. Outputs of earlier versions have no mark, but nothing beside these folders."""

NOT_SHOWN = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Files that file managers write."""


def check_places(settings: RunSettings) -> None:
    """Check that the folder of images exists, and that the output can be used. For a maintenance, it must exist.

    Raises
    ------
    ImagesError
        If the folder of images is missing.
    OutputError
        If this user can't write to the output, if it contains other files, or if there is nothing to maintain.
    """
    root = Place(settings.output)
    if settings.mode is not Mode.MAINTAIN:
        check_images_folder(Place(settings.images))
    elif not root.exists():
        raise no_tables(root)
    root.check_writable()
    check_output(root, may_have_other_files=settings.use_existing_folder)


def no_tables(root: Place) -> OutputError:
    """Return the error of a maintenance of an output without tables."""
    return OutputError(f"There are no tables in {root.display}: there is nothing to maintain.")


def check_output(root: Place, *, may_have_other_files: bool) -> None:
    """Check that a folder is an output, is empty, or does not exist. Buckets are not checked.

    Parameters
    ----------
    may_have_other_files
        Whether the user has agreed to an output in a folder that contains other files.

    Raises
    ------
    OutputError
        If the folder contains other files, or if its folder for staged files is a link.
    """
    if not root.is_local or not root.exists():
        return
    folder = root.local_path
    if (folder / STAGING.rstrip("/")).is_symlink():
        raise OutputError(f"{folder / STAGING} is a link: a run deletes what it stages, so staging must be a folder.")
    _check_kinds(folder)
    if may_have_other_files or (folder / OUTPUT_MARK).is_file():
        return
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in OWN_ENTRIES | NOT_SHOWN)
    if others:
        raise OutputError(
            f"{folder} is not an output of this pipeline, and contains other files, such as {others[0]!r}: choose an "
            "empty or a new folder, or add --use-existing-folder."
        )


def _check_kinds(folder: Path) -> None:
    """Raise an error if there is a file in the place of a folder, or a folder in the place of a file."""
    for name in sorted(OWN_ENTRIES):
        if (folder / name).exists() and not (folder / name).is_dir():
            raise OutputError(f"{folder / name} is a file, but the pipeline needs a folder there: remove the file.")
    for name in (OUTPUT_MARK, LATEST):
        if (folder / name).is_dir():
            raise OutputError(f"{folder / name} is a folder, but the pipeline needs a file there: remove the folder.")


@contextmanager
def owned_output(this: "Run") -> Iterator[None]:
    """Create the output of a run, hold its lock, and delete at the end what this run has staged.

    The operating system releases the lock of a folder when the process ends, even after a crash. Runs on a bucket of
    S3 hold no lock: the state machine coordinates them. Runs on other buckets hold a lease.

    Raises
    ------
    OutputError
        If another run works on this output.
    StorageError
        If the storage fails.
    """
    with ExitStack() as stack:
        if this.root.is_local:
            stack.enter_context(_locked(this.root))
        elif this.root.other_store:
            from spark_app.lease import held_lease  # here, because it loads obstore, which mistakes need not wait for

            this.guards.append(stack.enter_context(held_lease(this.root, this.run_id)).check)
        try:
            yield
        finally:
            _delete_staged(this)


def _delete_staged(this: "Run") -> None:
    """Delete what a run has staged. A failure must neither fail a run that has succeeded, nor hide another error."""
    try:
        this.root.delete_folder(this.staging)
    except StorageError as error:
        this.reporter.note(f"{error}. What this run has staged in {this.staging} stays until a maintenance.")


@contextmanager
def _locked(root: Place) -> Iterator[None]:
    """Create and lock the folder. Remove it if the body has written nothing to it, for instance after a mistake."""
    folder = root.local_path
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    root.create()
    with (folder / OUTPUT_MARK).open("a") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"Another run is working on {root.display}: wait until it has ended.") from None
        is_new = mark.tell() == 0
        if is_new:
            json.dump({"output_of": "fruits"}, mark)
            mark.flush()
        try:
            yield
        finally:
            if is_new and [entry.name for entry in folder.iterdir()] == [OUTPUT_MARK]:
                (folder / OUTPUT_MARK).unlink()
                for path in created:
                    path.rmdir()
