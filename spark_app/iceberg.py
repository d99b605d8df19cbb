"""What Iceberg offers in Java only: snapshots by name, branches, and the upkeep of a table's files."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject

CONTENT = "fruits.content"
"""Property of a snapshot that holds the rows of an earlier one in other files: the name of that one."""

SMALL_FILE = 8_000_000
LARGE_FILE = 128_000_000
"""Bytes. Small files are merged to large ones; a file in between is left alone, however often others are merged."""

REWRITING = {
    "min-file-size-bytes": str(SMALL_FILE),
    "target-file-size-bytes": str(LARGE_FILE),
    "max-file-size-bytes": str(2 * LARGE_FILE),
    "min-input-files": "2",
}
"""Options of Iceberg's action that rewrites files of rows."""


@dataclass(frozen=True)
class IcebergTable:
    """A table of the catalog.

    Attributes
    ----------
    spark
        The session to reach it through.
    name
        Full name, without a branch.
    """

    spark: SparkSession
    name: str

    def content(self, branch: str = "main") -> int | None:
        """Name the rows that a branch holds: an id that compaction leaves as it is, and every other commit changes.

        Returns
        -------
        int or None
            None if the branch has no rows yet, or is not there.
        """
        snapshot = self._load().snapshot(branch)
        if snapshot is None:
            return None
        return int(snapshot.summary().get(CONTENT) or snapshot.snapshotId())

    def snapshot_id(self) -> int | None:
        """Name the current snapshot of the main branch, to read it again later; None if there is none."""
        snapshot = self._load().currentSnapshot()
        return int(snapshot.snapshotId()) if snapshot else None

    def has_branch(self, branch: str) -> bool:
        """Whether there is such a branch."""
        return self._load().snapshot(branch) is not None

    def begin_branch(self, branch: str) -> None:
        """Make a branch without rows, in one commit: nobody sees it with those of the main branch."""
        everything = self._jvm.org.apache.iceberg.expressions.Expressions.alwaysTrue()
        self._load().newDelete().deleteFromRowFilter(everything).toBranch(branch).commit()

    def switch_to(self, branch: str) -> None:
        """Make the rows of a branch those of the main branch."""
        table = self._load()
        table.manageSnapshots().setCurrentSnapshot(table.snapshot(branch).snapshotId()).commit()

    def drop_branch(self, branch: str) -> None:
        """Remove a branch, if it is there."""
        if self.has_branch(branch):
            self._load().manageSnapshots().removeBranch(branch).commit()

    def branch_changed_at(self, branch: str) -> datetime | None:
        """Tell when the last commit to a branch was made; None if there is no such branch."""
        snapshot = self._load().snapshot(branch)
        return datetime.fromtimestamp(snapshot.timestampMillis() / 1000).astimezone() if snapshot else None

    def file_count(self) -> int:
        """Count the files of rows and of deletions, from the metadata alone."""
        snapshot = self._load().currentSnapshot()
        if snapshot is None:
            return 0
        summary = snapshot.summary()
        return int(summary.get("total-data-files") or 0) + int(summary.get("total-delete-files") or 0)

    def small_file_count(self) -> int:
        """Count the small files of rows: what makes a table slow to read."""
        counted = self.spark.sql(f"SELECT 1 FROM {self.name}.data_files WHERE file_size_in_bytes < {SMALL_FILE}")
        return counted.count()

    def merge_small_files(self) -> int:
        """Merge small files; the rows stay what they are. Large ones are left alone.

        Returns
        -------
        int
            Files that were rewritten.
        """
        return self._rewrite({})

    def apply_deletions(self) -> int:
        """Rewrite every file of which a row was deleted, so that the current files hold no other rows than the table.

        Returns
        -------
        int
            Files that were rewritten.
        """
        return self._rewrite({"delete-file-threshold": "1"})

    def _rewrite(self, options: dict[str, str]) -> int:
        action = self._actions().rewriteDataFiles(self._load()).snapshotProperty(CONTENT, str(self.content()))
        for option, value in (REWRITING | options).items():
            action = action.option(option, value)
        rewritten = int(action.sort().execute().rewrittenDataFilesCount())
        if rewritten:
            self._remove_dangling_deletions()
        return rewritten

    def _remove_dangling_deletions(self) -> None:
        """Rewrite the files of deletions: Iceberg leaves out what was deleted from files that are no more."""
        action = self._actions().rewritePositionDeletes(self._load()).snapshotProperty(CONTENT, str(self.content()))
        action.option("rewrite-all", "true").execute()

    def expire_snapshots(self, before: datetime) -> None:
        """Forget the snapshots made before a time, and delete the files that no other needs. The current one stays."""
        self._actions().expireSnapshots(self._load()).expireOlderThan(_millis(before)).retainLast(1).execute()

    def remove_orphans(self, before: datetime) -> int:
        """Delete files written before a time that belong to no snapshot: leftovers of crashes.

        Returns
        -------
        int
            Files deleted.
        """
        action = self._actions().deleteOrphanFiles(self._load()).olderThan(_millis(before))
        return sum(1 for _ in action.execute().orphanFileLocations())

    def _load(self) -> "JavaObject":
        return self._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(self._session, self.name)

    def _actions(self) -> "JavaObject":
        return self._jvm.org.apache.iceberg.spark.actions.SparkActions.get(self._session)

    @property
    def _jvm(self) -> Any:  # noqa: ANN401 -- py4j has no types
        return self.spark._jvm  # noqa: SLF001 -- PySpark has no other way to Iceberg's Java API

    @property
    def _session(self) -> "JavaObject":
        return self.spark._jsparkSession  # noqa: SLF001 -- as above


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
