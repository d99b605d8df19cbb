"""Tests of the tables and of Iceberg's operations on them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from contract.tables import Table
from spark_app.curation.findings import FINDINGS
from spark_app.tables import RowChanges, Tables

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
