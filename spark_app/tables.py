"""The Iceberg tables of an environment: their columns, and every statement that changes their rows."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit

from contract.summary import Snapshots
from contract.tables import Table
from spark_app.iceberg import IcebergTable
from spark_app.keys import key_condition
from spark_app.session import CATALOG

MAIN = "main"
"""Branch that readers see."""

PROPERTIES = {
    # Athena does not read version 3: https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg.html
    "format-version": "2",
    # Merge-on-read: replacing one image must not rewrite the file that contains its 20,000 neighbours.
    "write.delete.mode": "merge-on-read",
    "write.update.mode": "merge-on-read",
    "write.merge.mode": "merge-on-read",
    # At most one delete file per data file: Iceberg then merges the old delete file into the new one.
    "write.delete.granularity": "file",
    "write.distribution-mode": "none",
    "write.merge.distribution-mode": "none",
    "write.parquet.compression-codec": "zstd",
    # Rows are looked up by key, and read in row groups: with small groups, one image costs 1 MB and not 128.
    "write.parquet.row-group-size-bytes": str(1 << 20),
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}

OWN_PROPERTIES = {
    # A manifest names the smallest and the largest key of each file, also of the files that its commit has replaced.
    # Nothing looks up findings by key, and without these keys, an erased image is not named until the next commit.
    # Iceberg has a default of its own for the column by which a table is sorted.
    Table.FINDINGS: {"write.metadata.metrics.default": "counts", "write.metadata.metrics.column.key": "counts"},
}
"""Properties of single tables."""

ROWS_PER_TASK = {Table.FEATURES: 4_000, Table.COMPONENTS: 10_000, Table.REJECTS: 100_000, Table.FINDINGS: 100_000}
"""Rows that one task writes. Files of 10 to 20 MB spread a commit over the cores, and are not small files."""

TABLE_COLUMNS = {
    Table.FEATURES: """
    key string NOT NULL COMMENT 'of the image, below images/',
    etag string NOT NULL COMMENT 'version of the file that the features are of',
    label string COMMENT 'a folder of the file: see --label-level',
    width int NOT NULL COMMENT 'pixels, upright',
    height int NOT NULL COMMENT 'pixels, upright',
    model_id string NOT NULL,
    features array<float> NOT NULL COMMENT 'MobileNetV2, 1280 values',
    run_id string NOT NULL,
    processed_at timestamp NOT NULL""",
    Table.COMPONENTS: """
    key string NOT NULL,
    etag string NOT NULL,
    label string,
    pca_version string NOT NULL,
    components array<float> NOT NULL COMMENT 'coordinates along the principal components'""",
    Table.REJECTS: """
    key string NOT NULL,
    etag string NOT NULL COMMENT 'version of the file that was refused',
    reason string NOT NULL,
    detail string NOT NULL,
    run_id string NOT NULL""",
    Table.FINDINGS: """
    key string NOT NULL,
    label string,
    kind string NOT NULL,
    score double NOT NULL COMMENT 'the higher, the worse',
    other_key string COMMENT 'of the image that this one resembles',
    detail string NOT NULL""",
}
"""Columns of each table, in SQL."""

ADDED_COLUMNS = {
    Table.FEATURES: {
        "content_hash": "string COMMENT 'SHA-256 of the file'",
        "perceptual_hash": "bigint COMMENT 'pHash, 64 bits; null for an image without structure'",
        "brightness": "float COMMENT 'mean of the pixels, 0 to 1'",
        "brightness_low": "float COMMENT '5th percentile of the pixels, 0 to 1'",
        "brightness_high": "float COMMENT '99th percentile of the pixels, 0 to 1'",
        "contrast": "float COMMENT 'standard deviation of the grey values at 56x56 divided by 255, 0 to 0.5'",
        "sharpness": "float COMMENT 'variance of the Laplacian of the grey values at 56x56, which are 0 to 255'",
        "entropy": "float COMMENT 'of the histogram of the values of all channels, in bits'",
        "thumbnail": "binary COMMENT 'WebP, 48x48 pixels; null for most images of a large corpus'",
    },
    Table.COMPONENTS: {
        "residual": "float COMMENT 'squared distance of the features from the span of the components'",
    },
    Table.REJECTS: {"examined_with": "string COMMENT 'limits and decoders of the run'"},
    Table.FINDINGS: {},
}
"""Columns that tables of earlier versions lack. Their rows have nulls there until the images are computed again."""


ADDED_TABLES = {Table.FINDINGS}
"""Tables that outputs of earlier versions lack. A run creates them; a `maintain` does without them."""


@dataclass(frozen=True)
class RowChanges:
    """Changes of the rows of one table, by key."""

    frame: DataFrame
    """One row per key, with at least the columns of the table."""
    is_present: str
    """SQL condition of the rows that the table must contain afterwards. It loses the keys of the other rows."""
    present: int
    """Approximate number of these rows, which determines the number of files."""
    stale: int
    """Number of keys of which the table has a row before the change."""
    stale_keys: Collection[str] | None
    """These keys; `None` if they are many."""


@dataclass(frozen=True)
class RowSet:
    """The rows of a table, by their keys and etags: two tables with equal sets describe the same images."""

    count: int
    hash: int
    """XOR of the hashes of all rows, so that it does not depend on their order."""


@dataclass(frozen=True)
class Tables:
    """The tables of an environment."""

    spark: SparkSession
    database: str
    """Name of their database (Iceberg: namespace)."""
    branch: str = MAIN
    """Branch to read and write."""
    before_commit: Callable[[], None] = lambda: None
    """Called before each commit, to check that this run may still write."""

    @property
    def features(self) -> str:
        """Full name of the table of features, which has one row per image."""
        return self._name(Table.FEATURES)

    @property
    def components(self) -> str:
        """Full name of the table of coordinates, which has one row per image."""
        return self._name(Table.COMPONENTS)

    @property
    def rejects(self) -> str:
        """Full name of the table of refused images."""
        return self._name(Table.REJECTS)

    @property
    def findings(self) -> str:
        """Full name of the table of findings, which has any number of rows per image."""
        return self._name(Table.FINDINGS)

    def _name(self, table: Table) -> str:
        name = self.iceberg[table].name
        return name if self.branch == MAIN else f"{name}.branch_{self.branch}"

    def on_branch(self, branch: str) -> "Tables":
        """Return the same tables, to read and write on a branch."""
        return replace(self, branch=branch)

    @property
    def published(self) -> "Tables":
        """The tables as readers see them."""
        return replace(self, branch=MAIN)

    @property
    def iceberg(self) -> dict[Table, IcebergTable]:
        """The tables, independent of the branch, for operations of Iceberg's Java API."""
        return {
            table: IcebergTable(self.spark, f"{CATALOG}.{self.database}.{table}", self.before_commit) for table in Table
        }

    def exist(self) -> bool:
        """Return whether all tables exist that every version makes."""
        return set(Table) - ADDED_TABLES <= self.existing().keys()

    def existing(self) -> dict[Table, IcebergTable]:
        """Return the tables that exist."""
        return {name: table for name, table in self.iceberg.items() if self.spark.catalog.tableExists(table.name)}

    def create(self) -> set[Table]:
        """Create the tables that do not exist yet, and the columns that tables of earlier versions lack.

        Return the tables that did not exist.
        """
        existing = self.existing()
        for table, iceberg in existing.items():
            self._add_columns(iceberg.name, ADDED_COLUMNS[table])
        for table, iceberg in self.iceberg.items():
            if table not in existing:
                self.before_commit()
                all_properties = (PROPERTIES | OWN_PROPERTIES.get(table, {})).items()
                properties = ", ".join(f"'{key}'='{value}'" for key, value in all_properties)
                added = "".join(f",\n    {name} {kind}" for name, kind in ADDED_COLUMNS[table].items())
                columns = TABLE_COLUMNS[table] + added
                self.spark.sql(f"CREATE TABLE {iceberg.name} ({columns}) USING iceberg TBLPROPERTIES ({properties})")
                self.spark.sql(f"ALTER TABLE {iceberg.name} WRITE LOCALLY ORDERED BY key")
        return set(Table) - existing.keys()

    def _add_columns(self, name: str, columns: Mapping[str, str]) -> None:
        present = set(self.spark.table(name).columns) if columns else set()
        if missing := [f"{column} {kind}" for column, kind in columns.items() if column not in present]:
            self.before_commit()
            self.spark.sql(f"ALTER TABLE {name} ADD COLUMNS ({', '.join(missing)})")

    def snapshots(self) -> Snapshots:
        """Return the ids of the rows of all tables: two states with equal ids have the same rows."""
        return Snapshots(**{name: table.content(self.branch) for name, table in self.iceberg.items()})

    def files(self) -> Iterator[tuple[Table, str, int]]:
        """Return the path and the size in bytes of each data file and delete file of the main branches."""
        selects = (
            f"SELECT '{table}' AS table, file_path, file_size_in_bytes FROM {iceberg.name}.files"
            for table, iceberg in self.iceberg.items()
        )
        for row in self.spark.sql(" UNION ALL ".join(selects)).collect():
            yield Table(row.table), row.file_path, row.file_size_in_bytes

    def model_id(self) -> str | None:
        """Return the model of the features; `None` without rows. The table never mixes features of two models."""
        row = self.spark.sql(f"SELECT model_id FROM {self.features} LIMIT 1").first()
        return row.model_id if row else None

    def has_unmeasured_images(self) -> bool:
        """Return whether `features` has rows of images that were computed without measurements."""
        return self.spark.sql(f"SELECT 1 FROM {self.features} WHERE content_hash IS NULL LIMIT 1").first() is not None

    def lack_thumbnails(self) -> bool:
        """Return whether `features` has rows, and none of them has a thumbnail."""
        row = self.spark.sql(f"SELECT count(*) AS rows, count(thumbnail) AS thumbnails FROM {self.features}").first()
        return row is not None and row.rows > 0 and row.thumbnails == 0

    def row_set(self, table: Table) -> RowSet:
        """Return the number of rows of a table, and a hash of their keys and etags; it reads these two columns only."""
        rows = self.spark.sql(
            f"SELECT count(*) AS count, coalesce(bit_xor(xxhash64(key, etag)), 0) AS hash FROM {self._name(table)}"
        ).first()
        return RowSet(rows["count"], rows["hash"]) if rows else RowSet(0, 0)

    def has_rows(self, table: Table, count: int) -> bool:
        """Return whether a table has a number of rows. It reads rows only if the metadata gives another number."""
        return self.iceberg[table].row_count(self.branch) == count or self.row_set(table).count == count

    def features_as_of(self, snapshot: int, condition: str) -> DataFrame:
        """Read the keys, features and places of a snapshot of the main branch: ``_file`` and ``_pos``, a row in it."""
        columns = "key, features, _file, _pos"
        return self.spark.sql(f"SELECT {columns} FROM {self.features} VERSION AS OF {snapshot} WHERE {condition}")

    def commit(self, table: Table, changes: RowChanges) -> None:
        """Write the rows that a table must contain, and remove the other rows of the changed keys, in one commit."""
        self.before_commit()
        name = self._name(table)
        columns = self.spark.table(name).columns
        if changes.stale == 0:
            # Without rows to look up, the cost of the commit depends on the new rows only, not on the table.
            rows = changes.frame.where(changes.is_present).select(*columns)
            _in_files(rows, math.ceil(changes.present / ROWS_PER_TASK[table])).writeTo(name).append()
            return
        changes.frame.createOrReplaceTempView("arrived")
        self.spark.sql(f"""
            MERGE INTO {name} AS target
            USING (SELECT {", ".join(columns)}, {changes.is_present} AS is_present FROM arrived) AS source
            ON target.key = source.key AND {key_condition(changes.stale_keys, "target.key")}
            WHEN MATCHED AND source.is_present THEN UPDATE SET *
            WHEN MATCHED THEN DELETE
            WHEN NOT MATCHED AND source.is_present THEN INSERT *
        """)

    def frame(self, rows: pa.Table) -> DataFrame:
        """Return rows that the driver holds as rows of Spark.

        Spark loses the rows of all batches after an empty one, so the rows go in one batch.
        """
        return self.spark.createDataFrame(rows.combine_chunks())

    def replace_findings(self, rows: pa.Table) -> None:
        """Replace all findings by other rows, in one commit."""
        self.before_commit()
        everything = lit(True)  # noqa: FBT003 -- an SQL condition
        self.frame(rows).coalesce(1).writeTo(self.findings).overwrite(everything)

    def replace_components(self, frame: DataFrame, count: int) -> None:
        """Replace all coordinates by about `count` other rows, in one commit."""
        self.before_commit()
        everything = lit(True)  # noqa: FBT003 -- an SQL condition
        # No repartitioning by ranges of keys, for which Spark would compute the rows twice, first to sample the keys.
        # The rows have the order of the features, whose files are ranges of keys.
        files = max(1, math.ceil(count / ROWS_PER_TASK[Table.COMPONENTS]))
        frame.coalesce(files).writeTo(self.components).overwrite(everything)

    def replace_labels(self, label: str) -> None:
        """Replace the labels of `features` by the values of an SQL expression of the key."""
        self.before_commit()
        self.spark.sql(f"UPDATE {self.features} SET label = {label} WHERE NOT label <=> {label}")

    def clear_components(self) -> None:
        """Remove all coordinates."""
        self.before_commit()
        self.spark.sql(f"DELETE FROM {self.components}")


def _in_files(frame: DataFrame, files: int) -> DataFrame:
    """Partition rows into ranges of keys, so that a lookup of a key reads one file."""
    return frame.repartitionByRange(files, "key") if files > 1 else frame.coalesce(1)
