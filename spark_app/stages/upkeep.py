"""The upkeep: few files however many updates, and nothing kept of what is gone for longer than was promised."""

from collections.abc import Iterator
from datetime import datetime

from contract.layout import BASES, LATEST, MATRICES, RESULTS, ResultFile
from contract.runs import run_id_at
from contract.summary import Latest, Summary
from spark_app.iceberg import IcebergTable
from spark_app.stages.rebuild import BRANCH, end_rebuild
from spark_app.storage import Storage
from spark_app.tables import Tables

MANY_FILES = 24
"""A table with so many small files is compacted at the end of a run."""


def needs_compaction(tables: Tables) -> list[IcebergTable]:
    """Name the tables that many small commits have crumbled."""
    crumbled = (table for table in tables.iceberg.values() if table.file_count() >= MANY_FILES)
    return [table for table in crumbled if table.small_file_count() >= MANY_FILES]


def compact(tables: Tables) -> int:
    """Merge small files, and write no file of current ones that holds a row that is gone.

    Returns
    -------
    int
        Files that were rewritten.
    """
    with_rows = [table for table in tables.iceberg.values() if table.content() is not None]
    return sum(table.apply_deletions() for table in with_rows)


def drop_abandoned_rebuild(tables: Tables, before: datetime) -> bool:
    """Drop what an interrupted `reprocess` has left, if it was before a time: it keeps rows of erased images."""
    changed_at = tables.iceberg["features"].branch_changed_at(BRANCH)
    abandoned = changed_at is not None and changed_at < before
    if abandoned:
        end_rebuild(tables)
    return abandoned


def expire(tables: Tables, before: datetime) -> int:
    """Delete what only snapshots made before a time hold, and files that none holds.

    Returns
    -------
    int
        Files that no snapshot held: leftovers of crashes.
    """
    for table in tables.iceberg.values():
        table.expire_snapshots(before)
    return sum(table.remove_orphans(before) for table in tables.iceberg.values())


def remove_matrix_files(root: Storage, before: datetime) -> int:
    """Delete files of matrices that neither the last run names nor any that was begun since a time.

    Returns
    -------
    int
        Files deleted.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    kept = set(_matrices(root, run_id_at(before)))
    old = [key for key in _keys(root, BASES) if MATRICES in key and key not in kept]
    if old:
        root.delete(old)
    return len(old)


def _matrices(root: Storage, since: str) -> Iterator[str]:
    """Name the files of the matrix of each run that counts."""
    pointer = root.read(LATEST)
    latest = Latest.from_json(pointer).run_id if pointer else ""
    for key in _keys(root, RESULTS):
        run_id, _, name = key.removeprefix(RESULTS).rpartition("/")
        if name == ResultFile.SUMMARY and (run_id >= since or run_id == latest) and (body := root.read(key)):
            yield from _matrix_of(body)


def _matrix_of(summary: bytes) -> list[str]:
    try:
        return [file.file for file in Summary.from_json(summary).matrix]
    except (ValueError, KeyError, TypeError):
        # Of a version of the pipeline that kept each matrix among the results of its run.
        return []


def _keys(root: Storage, prefix: str) -> Iterator[str]:
    for batch in root.list_objects([], prefix):
        yield from batch["key"].to_pylist()
