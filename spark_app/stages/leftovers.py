"""What killed runs leave in an output on this machine. A bucket never shows a part of an object."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from contract.documents import DocumentError
from contract.layout import (
    BASES,
    INBOX,
    LATEST,
    LATEST_PAGE,
    MODELS,
    NOTICES_SUFFIX,
    RESULTS,
    STAGING,
    TABLES,
    BasisFile,
    ResultFile,
)
from contract.runs import is_run_id, run_id_at
from contract.summary import Latest, Summary
from contract.tables import Table
from spark_app.engine.card import CARD
from spark_app.engine.model import FILES
from spark_app.storage import Storage

UNFINISHED = re.compile(r"(.+)#\d+")
"""Name of a file that `Storage` had not written to the end: obstore adds the number, and removes it at the end."""

POINTERS = {key.removeprefix(RESULTS) for key in (LATEST, LATEST_PAGE)}
OWN_FILES = {*ResultFile, *BasisFile, *FILES.values(), CARD, *POINTERS}
RESULT_FILES = set(ResultFile) - {ResultFile.RUN_RECORD}

MODEL = re.compile(r"mobilenetv2-[0-9a-f]{12}")
MATRIX_FILE = re.compile(r"(.+)-\d{5}\.csv")


def remove_leftovers(root: Storage, before: datetime) -> int:
    """Delete what killed runs have left and no run reads, and return the number of files.

    This deletes only files whose names and places are those of the pipeline, that have not changed since a time, and
    that belong to no complete results. It follows no links. It must not be called while a run works on the output.
    """
    if not root.is_local:
        return 0
    output = root.local_path
    leftovers = [
        *_unfinished_files(output),
        *_incomplete_models(output / MODELS),
        *_checksums_without_files(output / TABLES),
        *_parts_of_incomplete_results(output),
    ]
    old = [path for path in leftovers if path.lstat().st_mtime < before.timestamp()]
    for path in old:
        path.unlink()
        _remove_empty_folders(path.parent, output)
    return len(old) + _remove_staging(output / STAGING, run_id_at(before))


def _unfinished_files(output: Path) -> Iterator[Path]:
    """Yield files that `Storage` had not written to the end, in the folders to which it writes."""
    written = (output / name for name in (RESULTS, BASES, MODELS, INBOX))
    for top in (folder for folder in written if not folder.is_symlink()):
        for folder, _, files in os.walk(top):
            for file in files:
                match = UNFINISHED.fullmatch(file)
                if match and _is_own_name(match[1]):
                    yield Path(folder) / file


def _is_own_name(name: str) -> bool:
    of_matrix = MATRIX_FILE.fullmatch(name)
    return name in OWN_FILES or name.endswith(NOTICES_SUFFIX) or (of_matrix is not None and is_run_id(of_matrix[1]))


def _incomplete_models(models: Path) -> Iterator[Path]:
    """Yield the files of models without a card, which is written last."""
    for folder in _folders_in(models, lambda name: MODEL.fullmatch(name) is not None):
        if not (folder / CARD).exists():
            yield from (folder / name for name in FILES.values() if (folder / name).is_file())


def _checksums_without_files(tables: Path) -> Iterator[Path]:
    """Yield checksums of Hadoop's local file system whose files do not exist. Iceberg does not look at hidden files."""
    for table in (table for database in _folders_in(tables) for table in _folders_in(database, _is_table)):
        for part in ("data", "metadata"):
            for path in (table / part).rglob(".*.crc"):
                if not path.with_name(path.name[1:].removesuffix(".crc")).exists():
                    yield path


def _is_table(name: str) -> bool:
    return name in list(Table)


def _parts_of_incomplete_results(output: Path) -> Iterator[Path]:
    """Yield the files of results without a summary, which is written last, and bases that no results name.

    If a document is missing or can't be read, this yields nothing, because it is unknown what is in use.
    """
    runs = list(_folders_in(output / RESULTS, is_run_id))
    try:
        pointer = output / LATEST
        latest = Latest.from_json(pointer.read_bytes()).results if pointer.exists() else None
        summaries = [run / ResultFile.SUMMARY for run in runs if (run / ResultFile.SUMMARY).exists()]
        if latest:
            summaries.append(output / latest / ResultFile.SUMMARY)
        used = {Summary.from_json(file.read_bytes()).pca_version for file in summaries}
    except (OSError, DocumentError):
        return
    for run in runs:
        if not (run / ResultFile.SUMMARY).exists():
            yield from (run / name for name in RESULT_FILES if (run / name).is_file())
    for basis in _folders_in(output / BASES, is_run_id):
        if basis.name not in used:
            yield from (basis / name for name in BasisFile if (basis / name).is_file())


def _remove_staging(staging: Path, before: str) -> int:
    """Delete the folders of runs with earlier ids, also files that a listing omits, and count the files."""
    count = 0
    for folder in _folders_in(staging, lambda name: is_run_id(name) and name < before):
        count += sum(len(files) for _, _, files in os.walk(folder))
        shutil.rmtree(folder)
    return count


def _folders_in(folder: Path, is_wanted: Callable[[str], bool] = lambda _: True) -> Iterator[Path]:
    if folder.is_dir() and not folder.is_symlink():
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False) and is_wanted(entry.name)]
        yield from map(Path, sorted(found))


def _remove_empty_folders(folder: Path, output: Path) -> None:
    """Remove a folder and those above it that are empty, but not the folders directly below the output."""
    while output not in (folder, folder.parent) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
