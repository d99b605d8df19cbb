"""The tables: their columns, and every statement that changes their rows."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit

from contract.summary import Snapshots
from spark_app.iceberg import IcebergTable
from spark_app.keys import key_condition
from spark_app.session import CATALOG

PROPERTIES = {
    # Athena reads no version 3: https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg.html
    "format-version": "2",
    # Merge-on-read: replacing one image must not rewrite the file that holds its 20,000 neighbours.
    "write.delete.mode": "merge-on-read",
    "write.update.mode": "merge-on-read",
    "write.merge.mode": "merge-on-read",
    # One file of deletions at most for each file of rows: Iceberg then merges the old one into the new.
    "write.delete.granularity": "file",
    "write.distribution-mode": "none",
    "write.merge.distribution-mode": "none",
    "write.parquet.compression-codec": "zstd",
    # Rows are found by key, and read in groups: in small ones, one image costs 1 MB and not 128.
    "write.parquet.row-group-size-bytes": str(1 << 20),
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}

FEATURES_PER_FILE = 4_000
COMPONENTS_PER_FILE = 10_000
REJECTS_PER_FILE = 100_000
"""Rows that one task writes: 10 to 20 MB, so that a commit is spread over the cores and leaves no small files."""

FEATURES = """
    key string NOT NULL COMMENT 'of the image, below images/',
    etag string NOT NULL COMMENT 'version of the file that the features are of',
    label string COMMENT 'folder that holds the file',
    width int NOT NULL COMMENT 'pixels, upright',
    height int NOT NULL COMMENT 'pixels, upright',
    model_id string NOT NULL,
    features array<float> NOT NULL COMMENT 'MobileNetV2, 1280 values',
    run_id string NOT NULL,
    processed_at timestamp NOT NULL"""

COMPONENTS = """
    key string NOT NULL,
    etag string NOT NULL,
    label string,
    pca_version string NOT NULL,
    components array<float> NOT NULL COMMENT 'coordinates along the principal components'"""

REJECTS = """
    key string NOT NULL,
    etag string NOT NULL COMMENT 'version of the file that was refused',
    reason string NOT NULL,
    detail string NOT NULL,
    run_id string NOT NULL"""


@dataclass(frozen=True)
class Rows:
    """Rows to bring into a table.

    Attributes
    ----------
    frame
        One row per key, with the columns of the table and maybe more.
    keep
        SQL condition of the rows that are to stand in the table; the others only remove what stands there.
    kept
        How many they are, about: decides the number of files.
    stale
        Of how many of the keys the table has a row already.
    stale_keys
        Which these are; None if they are many.
    """

    frame: DataFrame
    keep: str
    kept: int
    stale: int
    stale_keys: Collection[str] | None


@dataclass(frozen=True)
class Tables:
    """The three tables of an environment.

    Attributes
    ----------
    spark
        The session to reach them through.
    database
        Name of their database (Iceberg: namespace).
    branch
        Of the tables, to read and write; ``main`` is what everybody reads.
    """

    spark: SparkSession
    database: str
    branch: str = "main"

    @property
    def features(self) -> str:
        """Full name of the table of features, one row per image."""
        return self._name("features")

    @property
    def components(self) -> str:
        """Full name of the table of coordinates, one row per image."""
        return self._name("components")

    @property
    def rejects(self) -> str:
        """Full name of the table of refused images."""
        return self._name("rejects")

    def on_branch(self, branch: str) -> "Tables":
        """Return the same tables, to be read and written on a branch."""
        return replace(self, branch=branch)

    @property
    def iceberg(self) -> dict[str, IcebergTable]:
        """The tables as Iceberg's Java API has them, by their short names."""
        names = ("features", "components", "rejects")
        return {name: IcebergTable(self.spark, f"{CATALOG}.{self.database}.{name}") for name in names}

    def exist(self) -> bool:
        """Whether a run has created the tables."""
        return all(self.spark.catalog.tableExists(table.name) for table in self.iceberg.values())

    def create(self) -> None:
        """Create what is not there yet."""
        for name, columns in {"features": FEATURES, "components": COMPONENTS, "rejects": REJECTS}.items():
            table = self.iceberg[name].name
            if not self.spark.catalog.tableExists(table):
                properties = ", ".join(f"'{key}'='{value}'" for key, value in PROPERTIES.items())
                self.spark.sql(f"CREATE TABLE {table} ({columns}) USING iceberg TBLPROPERTIES ({properties})")
                self.spark.sql(f"ALTER TABLE {table} WRITE LOCALLY ORDERED BY key")

    def _name(self, table: str) -> str:
        name = f"{CATALOG}.{self.database}.{table}"
        return name if self.branch == "main" else f"{name}.branch_{self.branch}"

    def snapshots(self) -> Snapshots:
        """Name the rows of all tables: two states with the same names hold the same rows."""
        return Snapshots(**{name: table.content(self.branch) for name, table in self.iceberg.items()})

    def model_id(self) -> str | None:
        """Name the model of the features; None if there are none. Features of two models never mix."""
        row = self.spark.sql(f"SELECT model_id FROM {self.features} LIMIT 1").first()
        return row.model_id if row else None

    def features_as_of(self, snapshot: int, condition: str) -> DataFrame:
        """Read features as they were at a snapshot of the main branch: key and features."""
        return self.spark.sql(f"SELECT key, features FROM {self.features} VERSION AS OF {snapshot} WHERE {condition}")

    def commit_rejects(self, rows: Rows) -> None:
        """Commit refusals, and forget those of images that are refused no more."""
        self._commit(self.rejects, rows, REJECTS_PER_FILE)

    def commit_features(self, rows: Rows) -> None:
        """Commit features, and remove the rows of images that have none any more."""
        self._commit(self.features, rows, FEATURES_PER_FILE)

    def commit_components(self, rows: Rows) -> None:
        """Commit coordinates, and remove those of images that have none any more."""
        self._commit(self.components, rows, COMPONENTS_PER_FILE)

    def _commit(self, table: str, rows: Rows, per_file: int) -> None:
        columns = self.spark.table(table).columns
        if rows.stale == 0:
            # Nothing to look for: the commit costs what its rows cost, however large the table is.
            kept = rows.frame.where(rows.keep).select(*columns)
            _in_files(kept, rows.kept, per_file).writeTo(table).append()
            return
        rows.frame.createOrReplaceTempView("arrived")
        self.spark.sql(f"""
            MERGE INTO {table} AS target
            USING (SELECT {", ".join(columns)}, {rows.keep} AS is_kept FROM arrived) AS source
            ON target.key = source.key AND {key_condition(rows.stale_keys, "target.key")}
            WHEN MATCHED AND source.is_kept THEN UPDATE SET *
            WHEN MATCHED THEN DELETE
            WHEN NOT MATCHED AND source.is_kept THEN INSERT *
        """)

    def replace_components(self, frame: DataFrame, count: int) -> None:
        """Put other rows, about so many, in the place of all coordinates, in one commit."""
        everything = lit(True)  # noqa: FBT003 -- a condition of the table's rows
        # Not cut by ranges of keys: Spark would compute the rows twice, first to see how the keys are spread. They
        # come in the order of the features, and those are cut.
        files = max(1, math.ceil(count / COMPONENTS_PER_FILE))
        frame.coalesce(files).writeTo(self.components).overwrite(everything)

    def clear_components(self) -> None:
        """Remove all coordinates."""
        self.spark.sql(f"DELETE FROM {self.components}")


def _in_files(frame: DataFrame, count: int, per_file: int) -> DataFrame:
    """Make few files of rows, each of its own range of keys, so that a key is sought in one of them."""
    files = math.ceil(count / per_file)
    return frame.repartitionByRange(files, "key") if files > 1 else frame.coalesce(1)
