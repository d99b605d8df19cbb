"""Operations that Iceberg offers in its Java API only: named snapshots, branches, and the maintenance of files."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession

from contract.tables import CONTENT
from spark_app.table_times import last_time, with_times_until

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject

TINY_FILE = 2_000_000
SMALL_FILE = 8_000_000
LARGE_FILE = 128_000_000
"""Bytes. A rewrite merges small files to large ones, and leaves files between these sizes alone, so that repeated
rewrites do not rewrite the same rows. A run merges tiny files only: it must not wait until a whole table is rewritten,
because 50,000 features in files of 7 MB take half a minute."""

REWRITING = {
    "min-file-size-bytes": str(SMALL_FILE),
    "target-file-size-bytes": str(LARGE_FILE),
    "max-file-size-bytes": str(2 * LARGE_FILE),
    "min-input-files": "2",
}
"""Options of Iceberg's action that rewrites data files."""


@dataclass(frozen=True)
class IcebergTable:
    """One table of the catalog."""

    spark: SparkSession
    name: str
    """Full name, without a branch."""
    before_commit: Callable[[], None] = lambda: None
    """Called before each commit, and before each deletion of files, to check that this run may still write."""

    def location(self) -> str:
        """Return the path of the folder in which the table has its files."""
        return str(self._load().location())

    def content(self, branch: str = "main") -> int | None:
        """Return an id of the rows of a branch. Every commit changes it, except a compaction.

        The id is `None` if the branch does not exist or has never had rows.
        """
        snapshot = self._load().snapshot(branch)
        if snapshot is None:
            return None
        return int(snapshot.summary().get(CONTENT) or snapshot.snapshotId())

    def snapshot_id(self) -> int | None:
        """Return the id of the current snapshot of the main branch; `None` if there is none."""
        snapshot = self._load().currentSnapshot()
        return int(snapshot.snapshotId()) if snapshot else None

    def read_property(self, name: str, default: str) -> str:
        """Return a property of the table."""
        return str(self._load().properties().getOrDefault(name, default))

    def set_property(self, name: str, value: str) -> None:
        """Set a property of the table, in a commit that changes no rows."""
        self.before_commit()
        self._load().updateProperties().set(name, value).commit()

    def has_branch(self, branch: str) -> bool:
        """Return whether a branch exists."""
        return self._load().snapshot(branch) is not None

    def begin_branch(self, branch: str) -> None:
        """Create a branch without rows, in one commit: no reader sees it with the rows of the main branch."""
        self.before_commit()
        everything = self._jvm.org.apache.iceberg.expressions.Expressions.alwaysTrue()
        self._load().newDelete().deleteFromRowFilter(everything).toBranch(branch).commit()

    def switch_to(self, branch: str) -> None:
        """Replace the rows of the main branch by those of another branch."""
        self.before_commit()
        table = self._load()
        table.manageSnapshots().setCurrentSnapshot(table.snapshot(branch).snapshotId()).commit()

    def drop_branch(self, branch: str) -> None:
        """Remove a branch if it exists."""
        if self.has_branch(branch):
            self.before_commit()
            self._load().manageSnapshots().removeBranch(branch).commit()

    def branch_changed_at(self, branch: str) -> datetime | None:
        """Return the time of the last commit to a branch; `None` if the branch does not exist."""
        snapshot = self._load().snapshot(branch)
        return datetime.fromtimestamp(snapshot.timestampMillis() / 1000).astimezone() if snapshot else None

    def forget(self) -> None:
        """Remove the table from the catalog, and leave its files. The table need not be readable."""
        self.before_commit()
        catalog, _, table = self.name.partition(".")
        lake = self._session.sessionState().catalogManager().catalog(catalog).icebergCatalog()
        lake.dropTable(self._jvm.org.apache.iceberg.catalog.TableIdentifier.parse(table), False)  # noqa: FBT003 -- Java

    def last_time(self) -> datetime:
        """Return the latest time that the metadata contains."""
        latest = last_time(json.loads(self._parser.toJson(self._load().operations().current())))
        return datetime.fromtimestamp(latest / 1000, UTC)

    def end_times_at(self, latest: datetime) -> None:
        """Replace all times in the metadata that are later than a time by that time, in one commit.

        Iceberg's API has no operation for this, so this commits another version of the metadata document.
        """
        self.before_commit()
        operations = self._load().operations()
        present = operations.current()
        document = json.loads(self._parser.toJson(present))
        following = with_times_until(document, _millis(latest), present.metadataFileLocation())
        operations.commit(present, self._parser.fromJson(json.dumps(following)))

    def file_count(self) -> int:
        """Count the data files and delete files, from the metadata alone."""
        snapshot = self._load().currentSnapshot()
        if snapshot is None:
            return 0
        summary = snapshot.summary()
        return int(summary.get("total-data-files") or 0) + int(summary.get("total-delete-files") or 0)

    def tiny_file_count(self) -> int:
        """Count the tiny data files, which make a table slow to read."""
        return self.spark.sql(f"SELECT 1 FROM {self.name}.data_files WHERE file_size_in_bytes < {TINY_FILE}").count()

    def merge_tiny_files(self) -> int:
        """Merge tiny data files, and return how many were rewritten. The rows do not change."""
        return self._rewrite({"min-file-size-bytes": str(TINY_FILE)})

    def apply_deletions(self) -> int:
        """Rewrite every data file that contains a deleted row, and return how many were rewritten.

        Afterwards, the current data files contain the rows of the table only.
        """
        return self._rewrite({"delete-file-threshold": "1"})

    def row_count(self, branch: str = "main") -> int | None:
        """Count the rows of a branch, from the metadata alone; return `None` if the metadata does not say it.

        Position deletes are the only deletes of these tables, and each of them removes one row.
        """
        snapshot = self._load().snapshot(branch)
        if snapshot is None:
            return 0
        summary = snapshot.summary()
        records, deleted = summary.get("total-records"), summary.get("total-position-deletes")
        return int(records) - int(deleted) if records and deleted else None

    def _rewrite(self, options: dict[str, str]) -> int:
        self.before_commit()
        action = self._actions().rewriteDataFiles(self._load()).snapshotProperty(CONTENT, str(self.content()))
        for option, value in (REWRITING | options).items():
            action = action.option(option, value)
        rewritten = int(action.sort().execute().rewrittenDataFilesCount())
        if rewritten:
            self._remove_dangling_deletions()
        return rewritten

    def _remove_dangling_deletions(self) -> None:
        """Rewrite the delete files: Iceberg then drops the deletions from data files that no longer exist."""
        self.before_commit()
        action = self._actions().rewritePositionDeletes(self._load()).snapshotProperty(CONTENT, str(self.content()))
        action.option("rewrite-all", "true").execute()

    def expire_snapshots(self, before: datetime) -> None:
        """Expire the snapshots that are older than a time, and delete the files that only they use.

        The current snapshot stays.
        """
        self.before_commit()
        self._actions().expireSnapshots(self._load()).expireOlderThan(_millis(before)).retainLast(1).execute()

    def remove_orphans(self, before: datetime) -> int:
        """Delete the orphan files that are older than a time, and return their number. Crashed runs leave them."""
        self.before_commit()
        action = self._actions().deleteOrphanFiles(self._load()).olderThan(_millis(before))
        return sum(1 for _ in action.execute().orphanFileLocations())

    def _load(self) -> "JavaObject":
        return self._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(self._session, self.name)

    @property
    def _parser(self) -> "JavaObject":
        return self._jvm.org.apache.iceberg.TableMetadataParser

    def _actions(self) -> "JavaObject":
        return self._jvm.org.apache.iceberg.spark.actions.SparkActions.get(self._session)

    @property
    def _jvm(self) -> Any:  # noqa: ANN401 -- py4j has no types
        return self.spark._jvm  # noqa: SLF001 -- PySpark offers no other access to Iceberg's Java API

    @property
    def _session(self) -> "JavaObject":
        return self.spark._jsparkSession  # noqa: SLF001 -- PySpark offers no other access


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
