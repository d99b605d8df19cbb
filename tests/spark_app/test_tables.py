"""Tests of the tables and of Iceberg's operations on them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from contract.tables import Table
from spark_app.curation.findings import FINDINGS
from spark_app.stages.maintenance import drop_abandoned_rebuild
from spark_app.stages.rebuild import BRANCH, begin_rebuild, end_rebuild, switch
from spark_app.tables import ADDED_COLUMNS, RowChanges, Tables

MADE, LATER = "made", "later"
"""Branches: one that exists, and one that does not."""

COMMITS: dict[str, Callable[[Tables], object]] = {
    "create a table": Tables.create,
    "set a property": lambda tables: tables.iceberg[Table.REJECTS].set_property("name", "value"),
    "begin a branch": lambda tables: tables.iceberg[Table.REJECTS].begin_branch(LATER),
    "switch to a branch": lambda tables: tables.iceberg[Table.REJECTS].switch_to(MADE),
    "drop a branch": lambda tables: tables.iceberg[Table.REJECTS].drop_branch(MADE),
    "forget a table": lambda tables: tables.iceberg[Table.REJECTS].forget(),
    "correct the times": lambda tables: tables.iceberg[Table.REJECTS].end_times_at(
        tables.iceberg[Table.REJECTS].last_time()
    ),
    "merge files": lambda tables: tables.iceberg[Table.REJECTS].merge_tiny_files(),
    "apply deletions": lambda tables: tables.iceberg[Table.REJECTS].apply_deletions(),
    "drop deletions": lambda tables: tables.iceberg[Table.REJECTS]._remove_dangling_deletions(),  # noqa: SLF001 -- a commit of its own
    "expire snapshots": lambda tables: tables.iceberg[Table.REJECTS].expire_snapshots(
        tables.iceberg[Table.REJECTS].last_time()
    ),
    "remove orphans": lambda tables: tables.iceberg[Table.REJECTS].remove_orphans(
        tables.iceberg[Table.REJECTS].last_time()
    ),
    "commit rows": lambda tables: tables.commit(
        Table.REJECTS, RowChanges(tables.spark.table(tables.rejects), "true", present=1, stale=0, stale_keys=())
    ),
    "replace the coordinates": lambda tables: tables.replace_components(tables.spark.table(tables.components), 1),
    "replace the findings": lambda tables: tables.replace_findings(FINDINGS.empty_table()),
    "replace the labels": lambda tables: tables.replace_labels("key"),
    "clear the coordinates": Tables.clear_components,
}
"""What changes tables in a way that others see."""


class RefusedError(Exception):
    """The run must not write any more."""


def _refuse() -> None:
    raise RefusedError


def test_each_change_of_a_table_asks_first_whether_the_run_may_write(tables: Tables) -> None:
    """If it may not, no file is added, changed or removed."""
    tables.iceberg[Table.REJECTS].begin_branch(MADE)
    tables.spark.sql(f"ALTER TABLE {tables.rejects} DROP COLUMN examined_with")
    fenced_off = replace(tables, before_commit=_refuse)
    with pytest.raises(RefusedError):
        fenced_off.create()  # which would add the column
    tables.spark.sql(f"DROP TABLE {tables.features}")
    folder = Path(tables.iceberg[Table.REJECTS].location().removeprefix("file:")).parent
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for name, commit in COMMITS.items():
        with pytest.raises(RefusedError):
            pytest.fail(f"it does not ask: {name} → {commit(fenced_off)}")
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_no_row_after_an_empty_batch_is_lost(tables: Tables) -> None:
    """Rows that the driver holds reach Spark, whatever the lengths of their batches are."""
    one = pa.table({"key": ["a"]})
    rows = pa.concat_tables([one, one.slice(0, 0), one, one.slice(0, 0)])
    assert tables.frame(rows).count() == len(rows)


def _finding(key: str) -> pa.Table:
    return pa.Table.from_pylist([{"key": key, "kind": "dark", "score": 1.0, "detail": ""}], FINDINGS)


def _of_an_earlier_version(tables: Tables) -> None:
    """Take from the tables what an earlier version has not made."""
    for table, columns in ADDED_COLUMNS.items():
        if columns:
            tables.spark.sql(f"ALTER TABLE {tables.iceberg[table].name} DROP COLUMNS ({', '.join(columns)})")
    tables.spark.sql(f"DROP TABLE {tables.findings}")


def test_tables_of_an_earlier_version_get_what_they_lack(tables: Tables) -> None:
    """A run makes the missing table and the missing columns, of which old rows are null; it makes them only once."""
    columns = {name: tables.spark.table(table.name).columns for name, table in tables.iceberg.items()}
    _of_an_earlier_version(tables)
    tables.spark.sql(f"INSERT INTO {tables.rejects} VALUES ('a.jpg', 'e', 'empty', 'no bytes', 'r')")
    tables.spark.sql(f"INSERT INTO {tables.components} VALUES ('b.jpg', 'e', 'l', 'v', array(1.0f))")
    content = tables.iceberg[Table.COMPONENTS].content()
    assert tables.exist()
    assert Table.FINDINGS not in tables.existing()
    assert tables.create() == {Table.FINDINGS}
    assert {name: tables.spark.table(table.name).columns for name, table in tables.iceberg.items()} == columns
    rows = [tables.spark.table(name).collect() for name in (tables.rejects, tables.components)]
    assert [(row.key, row[-1]) for (row,) in rows] == [("a.jpg", None), ("b.jpg", None)]
    assert tables.iceberg[Table.COMPONENTS].content() == content
    assert replace(tables, before_commit=_refuse).create() == set()


def _begin_rebuild_as_an_earlier_version(tables: Tables) -> None:
    for table in (Table.REJECTS, Table.COMPONENTS, Table.FEATURES):
        tables.iceberg[table].begin_branch(BRANCH)


def test_a_rebuild_that_an_earlier_version_began_is_continued_or_dropped(tables: Tables) -> None:
    """Its rows stay, and the table that the earlier version did not have becomes a part of the rebuild.

    A maintenance can drop such a rebuild, and a run that needs measurements begins anew.
    """
    _of_an_earlier_version(tables)
    _begin_rebuild_as_an_earlier_version(tables)
    assert drop_abandoned_rebuild(tables, datetime.now(UTC) + timedelta(days=1))
    assert not tables.iceberg[Table.REJECTS].has_branch(BRANCH)
    _begin_rebuild_as_an_earlier_version(tables)
    earlier = tables.on_branch(BRANCH)
    tables.spark.sql(f"""
        INSERT INTO {earlier.features} VALUES ('a.jpg', 'e', 'l', 1, 1, 'model', array(1.0f), 'r', current_timestamp())
    """)
    tables.create()
    rebuilt = begin_rebuild(tables, "model")
    assert [row.key for row in tables.spark.table(rebuilt.features).collect()] == ["a.jpg"]
    rebuilt.replace_findings(_finding("a.jpg"))
    assert tables.spark.table(tables.findings).count() == 0
    switch(rebuilt)
    end_rebuild(rebuilt)
    assert [row.key for row in tables.spark.table(tables.features).collect()] == ["a.jpg"]
    assert [row.key for row in tables.spark.table(tables.findings).collect()] == ["a.jpg"]
    begun = begin_rebuild(tables, "model")
    tables.spark.sql(f"INSERT INTO {begun.features} SELECT * FROM {tables.features}")
    anew = begin_rebuild(tables, "model", needs_measurements=True)
    assert tables.spark.table(anew.features).count() == 0


def test_maintenance_erases_replaced_findings(tables: Tables) -> None:
    """A key that is in no finding any more is in no file of the table after the maintenance, also in no manifest."""
    tables.replace_findings(_finding("erased.jpg"))
    tables.replace_findings(_finding("kept.jpg"))
    findings = tables.iceberg[Table.FINDINGS]
    folder = Path(findings.location().removeprefix("file:"))
    findings.apply_deletions()
    findings.expire_snapshots(findings.last_time() + timedelta(milliseconds=1))
    assert [row.key for row in tables.spark.table(tables.findings).collect()] == ["kept.jpg"]
    entries = tables.spark.sql(f"SELECT status, data_file FROM {tables.findings}.all_entries").collect()
    assert {row.status for row in entries} == {1, 2}  # added, deleted
    assert b"erased" not in b"".join(str(row).encode() for row in entries)
    assert len(list(folder.rglob("*.parquet"))) == 1
