"""The maintenance of an output: compaction of the tables, and deletion of what has exceeded the retention."""

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from contract.documents import Document, DocumentError
from contract.layout import BASES, LATEST, MATRICES, RESULTS, STAGING, ResultFile, report_page, results_folder
from contract.runs import is_run_id, run_id_at
from contract.summary import Latest, Summary
from contract.tables import Table
from spark_app.iceberg import IcebergTable
from spark_app.report.pictures import without_pictures
from spark_app.stages.rebuild import BRANCH, end_rebuild
from spark_app.storage import Storage
from spark_app.tables import Tables

AnyDocument = TypeVar("AnyDocument", bound=Document)

MANY_FILES = 24
"""Number of tiny files of a table from which on a run compacts it."""


def tables_to_compact(tables: Tables) -> list[IcebergTable]:
    """Return the tables that contain many tiny files."""
    of_many_files = (table for table in tables.iceberg.values() if table.file_count() >= MANY_FILES)
    return [table for table in of_many_files if table.tiny_file_count() >= MANY_FILES]


def compact(tables: Tables) -> int:
    """Merge small files and apply all deletions; return the number of rewritten files.

    Afterwards, no current file contains a deleted row.
    """
    with_rows = [table for table in tables.existing().values() if table.content() is not None]
    return sum(table.apply_deletions() for table in with_rows)


def drop_abandoned_rebuild(tables: Tables, before: datetime) -> bool:
    """Drop an interrupted rebuild that is older than a time, because it keeps erased images; return whether it did."""
    changed_at = tables.iceberg[Table.FEATURES].branch_changed_at(BRANCH)
    is_abandoned = changed_at is not None and changed_at < before
    if is_abandoned:
        end_rebuild(tables)
    return is_abandoned


def expire(tables: Tables, before: datetime) -> int:
    """Expire the snapshots that are older than a time, delete files that only they use, and delete orphan files.

    Return the number of orphan files, which crashed runs have left.
    """
    existing = tables.existing().values()
    for table in existing:
        table.expire_snapshots(before)
    return sum(table.remove_orphans(before) for table in existing)


def remove_matrix_files(root: Storage, before: datetime) -> int:
    """Delete the matrix files that neither the last run nor a run since a time uses, and return their number.

    Raises
    ------
    DocumentError
        If a document that names used files is damaged. No file is deleted then.
    StorageError
        If the storage fails.
    """
    kept = set(_used_matrix_files(root, run_id_at(before)))
    old = [key for key in _keys(root, BASES) if MATRICES in key and key not in kept]
    if old:
        root.delete(old)
    return len(old)


def remove_bases(root: Storage, before: datetime) -> int:
    """Delete the bases before a time that no results name, and return the number of their files.

    In a bucket, earlier results expire, and their bases would stay for ever. In a folder, `remove_leftovers` deletes
    such bases.

    Raises
    ------
    DocumentError
        If a document that names a basis is damaged. No file is deleted then.
    StorageError
        If the storage fails.
    """
    if root.is_local or not root.find(LATEST):
        return 0  # without the pointer, it is unknown which basis is in force
    named, end = _named_bases(root), run_id_at(before)
    files = [key for key in _keys(root, BASES) if is_run_id(_version_of(key)) and MATRICES not in key]
    old = [key for key in files if _version_of(key) not in named and _version_of(key) < end]
    if old:
        root.delete(old)
    return len(old)


def _version_of(key: str) -> str:
    return key.removeprefix(BASES).partition("/")[0]


def _named_bases(root: Storage) -> set[str | None]:
    """Return the versions of the bases that the last results and all kept results name."""
    return {_read(Summary, root.read(key) or b"", key).pca_version for key in {*_summaries(root), *_last_summary(root)}}


def _last_summary(root: Storage) -> list[str]:
    """Return the key of the summary of the last results, whether it exists or not; nothing if there are no results."""
    pointer = root.read(LATEST)
    return [_read(Latest, pointer, LATEST).results + ResultFile.SUMMARY] if pointer else []


def _summaries(root: Storage) -> Iterator[str]:
    return (key for key in _keys(root, RESULTS) if key.endswith(f"/{ResultFile.SUMMARY}"))


def remove_pictures(root: Storage, before: datetime) -> int:
    """Remove the thumbnails from the results of earlier runs before a time, and return the number of these runs.

    The explorers are deleted, and the reports stay without pictures. In a bucket, a lifecycle rule deletes both.

    Raises
    ------
    DocumentError
        If the document that names the last results is damaged. Nothing is removed then.
    StorageError
        If the storage fails.
    """
    if not root.is_local:
        return 0
    pointer, end = root.read(LATEST), run_id_at(before)
    last = _read(Latest, pointer, LATEST).run_id if pointer else None
    ending = f"/{ResultFile.EXPLORER}"
    runs = (key.removeprefix(RESULTS).removesuffix(ending) for key in _keys(root, RESULTS) if key.endswith(ending))
    old = [run_id for run_id in runs if is_run_id(run_id) and run_id != last and run_id < end]
    for run_id in old:
        # The explorer goes last: while it exists, the next maintenance looks at the report again.
        _remove_pictures(root, report_page(run_id))
        root.delete([results_folder(run_id) + ResultFile.EXPLORER])
    return len(old)


def _remove_pictures(root: Storage, report: str) -> None:
    page = root.read(report)
    if page is not None:
        bare = without_pictures(page.decode(errors="surrogateescape"))
        root.write(report, bare.encode(errors="surrogateescape"))


def remove_staged_files(root: Storage, before: datetime) -> int:
    """Delete what runs before a time have staged and not deleted, because they were killed; return the number of files.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    run_ids = ((key, key.removeprefix(STAGING).partition("/")[0]) for key in _keys(root, STAGING))
    old = [key for key, run_id in run_ids if is_run_id(run_id) and run_id < run_id_at(before)]
    if old:
        root.delete(old)
    return len(old)


def _used_matrix_files(root: Storage, since: str) -> Iterator[str]:
    """Return the matrix files of the last run, and of all runs whose id is not less than `since`."""
    for key in {key for key in _summaries(root) if key.removeprefix(RESULTS) >= since} | {*_last_summary(root)}:
        yield from (file.file for file in _read(Summary, root.read(key) or b"", key).matrix)


def _read(kind: type[AnyDocument], body: bytes, key: str) -> AnyDocument:
    try:
        return kind.from_json(body)
    except DocumentError as error:
        raise DocumentError(f"{key} is damaged, or of another version ({error})") from error


def _keys(root: Storage, prefix: str) -> Iterator[str]:
    for batch in root.list_objects(prefix):
        yield from batch["key"].to_pylist()
