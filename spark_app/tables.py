"""The Iceberg tables: their columns, and every statement that changes them."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit

from contract.summary import Snapshots
from spark_app.session import CATALOG

# Merge-on-read: replacing one image must not rewrite the file that holds its 20,000 neighbours.
PROPERTIES = {
    "format-version": "2",
    "write.delete.mode": "merge-on-read",
    "write.update.mode": "merge-on-read",
    "write.merge.mode": "merge-on-read",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}

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
class Tables:
    """The three tables of an environment.

    Attributes
    ----------
    spark
        The session to reach them through.
    database
        Name of their database (Iceberg: namespace).
    """

    spark: SparkSession
    database: str

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

    def create(self) -> None:
        """Create what is not there yet."""
        for name, columns in self._definitions().items():
            if not self.spark.catalog.tableExists(name):
                properties = ", ".join(f"'{key}'='{value}'" for key, value in PROPERTIES.items())
                self.spark.sql(f"CREATE TABLE {name} ({columns}) USING iceberg TBLPROPERTIES ({properties})")

    def _definitions(self) -> dict[str, str]:
        return {self.features: FEATURES, self.components: COMPONENTS, self.rejects: REJECTS}

    def _name(self, table: str) -> str:
        return f"{CATALOG}.{self.database}.{table}"

    def snapshots(self) -> Snapshots:
        """Name the current state of all tables."""
        return Snapshots(
            features=self._snapshot_of(self.features),
            components=self._snapshot_of(self.components),
            rejects=self._snapshot_of(self.rejects),
        )

    def _snapshot_of(self, table: str) -> int | None:
        # From Iceberg itself: asking for it in SQL takes a Spark job, and a third of a second.
        jvm = self.spark._jvm  # noqa: SLF001 -- PySpark has no other way to Iceberg's Java API
        assert jvm is not None  # noqa: S101 -- for the type checker: a session has a JVM
        loaded = jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(
            self.spark._jsparkSession,  # noqa: SLF001 -- as above
            table,
        )
        snapshot = loaded.currentSnapshot()
        return int(snapshot.snapshotId()) if snapshot else None

    def count_rejects(self) -> int:
        """Count the images that stand refused."""
        return self.spark.table(self.rejects).count()

    def commit_rejects(self, outcomes: DataFrame, *, stale: int) -> None:
        """Commit the refusals of a chunk, and forget those of images that were not refused this time.

        Parameters
        ----------
        outcomes
            One row per key; its `reason` is null unless the image was refused.
        stale
            How many of the keys have a row already.
        """
        self._commit(self.rejects, outcomes, keep="reason IS NOT NULL", stale=stale)

    def commit_features(self, outcomes: DataFrame, *, stale: int) -> None:
        """Commit the features of a chunk, and remove the rows of images that have none any more.

        Parameters
        ----------
        outcomes
            One row per key; its `features` are null if the image was refused or is gone.
        stale
            How many of the keys have a row already.
        """
        self._commit(self.features, outcomes, keep="features IS NOT NULL", stale=stale)

    def _commit(self, table: str, outcomes: DataFrame, *, keep: str, stale: int) -> None:
        outcomes.createOrReplaceTempView("outcomes")
        columns = ", ".join(self.spark.table(table).columns)
        if stale == 0:
            # Nothing to look for: the commit costs what its rows cost, however large the table is.
            self.spark.sql(f"INSERT INTO {table} SELECT {columns} FROM outcomes WHERE {keep}")
            return
        self.spark.sql(f"""
            MERGE INTO {table} AS target
            USING (SELECT {columns}, {keep} AS has_row FROM outcomes) AS source
            ON target.key = source.key
            WHEN MATCHED AND source.has_row THEN UPDATE SET *
            WHEN MATCHED THEN DELETE
            WHEN NOT MATCHED AND source.has_row THEN INSERT *
        """)

    def replace_components(self, rows: DataFrame) -> None:
        """Put other rows in the place of all coordinates, in one commit."""
        rows.writeTo(self.components).overwrite(lit(True))  # noqa: FBT003 -- a condition of the table's rows: all

    def clear_components(self) -> None:
        """Remove all coordinates."""
        self.spark.sql(f"DELETE FROM {self.components}")
