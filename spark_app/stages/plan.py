"""The change set: what should be minus what is.

A run that died anywhere left the tables as some commit made them; the plan of the next run sees the difference and
nothing else, so that running again is the repair.
"""

from dataclasses import dataclass
from enum import StrEnum

from pyspark.sql import DataFrame, SparkSession

from contract.runs import Mode
from spark_app.stages.listing import Listing
from spark_app.tables import Tables


class Op(StrEnum):
    """What is to be done with an image."""

    FEATURISE = "featurise"
    """Compute its features: it is new, or another version of itself."""
    REMOVE = "remove"
    """Remove its rows: it is gone."""


SCHEMA = "key string, etag string, size long, op string, had_features boolean"


@dataclass(frozen=True)
class Plan:
    """A staged change set.

    Attributes
    ----------
    path
        For Spark: Parquet files of `SCHEMA`, one row per key.
    featurise
        Images to compute.
    replace
        Of those, images that have features of another version of the file.
    remove
        Images whose rows are to go.
    """

    path: str
    featurise: int
    replace: int
    remove: int

    @property
    def changes(self) -> int:
        """Number of keys in the change set."""
        return self.featurise + self.remove

    def chunk(self, spark: SparkSession, number: int, of: int) -> DataFrame:
        """Read one of `of` chunks of nearly equal size: the same keys whenever it is asked for."""
        return spark.read.schema(SCHEMA).parquet(self.path).where(f"pmod(xxhash64(key), {of}) = {number}")


def make_plan(tables: Tables, listing: Listing, mode: Mode, model_id: str, path: str) -> Plan:
    """Compare the listing with the tables.

    An image is settled if exactly one of `features` and `rejects` has a row of it, and that row is of the listed
    version (and of this model). A crash between the two commits of a chunk leaves
    other states; those are worked on again.

    Parameters
    ----------
    tables
        What is.
    listing
        What should be.
    mode
        `reprocess` takes no image for settled.
    model_id
        The model that the features should be of.
    path
        Where to stage the change set, for Spark.
    """
    spark = tables.spark
    listing.rows(spark).createOrReplaceTempView("listing")
    settled = (
        "false"
        if mode is Mode.REPROCESS
        else f"""
        (f.etag = l.etag AND f.model_id = '{model_id}' AND r.key IS NULL) OR (r.etag = l.etag AND f.key IS NULL)"""
    )
    changes = spark.sql(f"""
        SELECT coalesce(l.key, f.key, r.key) AS key, l.etag, l.size,
               if(l.key IS NULL, '{Op.REMOVE}', '{Op.FEATURISE}') AS op,
               f.key IS NOT NULL AS had_features
        FROM listing l
        FULL OUTER JOIN {tables.features} f ON l.key = f.key
        FULL OUTER JOIN {tables.rejects} r ON coalesce(l.key, f.key) = r.key
        WHERE NOT coalesce({settled}, false)
    """)
    changes.write.parquet(path, mode="overwrite")
    return _counted(spark, path)


def _counted(spark: SparkSession, path: str) -> Plan:
    rows = spark.read.schema(SCHEMA).parquet(path).groupBy("op", "had_features").count().collect()
    featurise = {row.had_features: row["count"] for row in rows if row.op == Op.FEATURISE}
    return Plan(
        path=path,
        featurise=sum(featurise.values()),
        replace=featurise.get(True, 0),
        remove=sum(row["count"] for row in rows if row.op == Op.REMOVE),
    )
