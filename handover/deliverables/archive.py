"""The archive of the deliverables: the same files make the same archive, byte by byte."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from cli.written_files import complete, make_folder
from handover.deliverables.names import Naming
from handover.errors import HandoverError

NOTEBOOK, IMAGES, PRESENTATION = (1, "notebook"), (2, "images"), (3, "presentation")
"""Number and word of each deliverable."""

MODE = 0o100644
"""Type and permissions of each file in the archive: a file that its owner may write and everyone may read."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the archive is made of.

    Attributes
    ----------
    notebook, page
        The executed notebook, and the same as HTML.
    images
        Folder with a sample of the images, the matrix, and the files that explain it.
    presentation
        The presentation, a PDF.
    """

    notebook: Path
    page: Path
    images: Path
    presentation: Path


def pack(parts: Parts, naming: Naming, folder: Path) -> Path:
    """Write the archive into a folder, and return its path. An archive of this name is replaced when it is complete.

    Raises
    ------
    HandoverError
        If a part is missing.
    OutputError
        If the folder can't be written.
    """
    entries = dict(_entries(parts, naming))
    if missing := [path for path in entries.values() if not path.is_file()]:
        raise HandoverError(f"There is no file {missing[0]}: make it first.")
    make_folder(folder)
    target = folder / naming.archive
    with complete(target) as partial, ZipFile(partial, "w", ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            archive.writestr(_entry(name, naming.first_day), entries[name].read_bytes())
    return target


def _entries(parts: Parts, naming: Naming) -> Iterator[tuple[str, Path]]:
    """Return the files of the archive: name in it → path here."""
    yield f"{naming.deliverable(*NOTEBOOK)}.ipynb", parts.notebook
    yield f"{naming.deliverable(*NOTEBOOK)}.html", parts.page
    yield f"{naming.deliverable(*PRESENTATION)}.pdf", parts.presentation
    for path in parts.images.rglob("*"):
        if path.is_file():
            yield f"{naming.deliverable(*IMAGES)}/{path.relative_to(parts.images).as_posix()}", path


def _entry(name: str, day: date) -> ZipInfo:
    """Describe a file: its name in UTF-8, and a time that does not depend on when the archive is made."""
    entry = ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
    entry.compress_type, entry.external_attr = ZIP_DEFLATED, MODE << 16
    return entry
