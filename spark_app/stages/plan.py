"""The change set: what should be minus what is.

A run that died anywhere left the tables as some commit made them; the plan of the next run sees the difference and
nothing else, so that running again is the repair.
"""

from dataclasses import dataclass
from enum import StrEnum

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql.functions import col, count_if
from pyspark.sql.functions import max as max_

from contract.runs import Mode
from spark_app.stages.listing import Listing
from spark_app.tables import Tables


class Op(StrEnum):
    """What is to be done with an image."""

    FEATURISE = "featurise"
    """Compute its features: it is new, or another version of itself."""
    REMOVE = "remove"
    """Remove its rows: it is gone."""


SCHEMA = "key string, etag string, size long, op string, had_features boolean, had_reject boolean, other_model string"


@dataclass(frozen=True)
class Plan:
    """A staged change set.

    Attributes
    ----------
    path
        For Spark: Parquet files of `SCHEMA`, one row per key.
    featurise
        Images to compute.
    remove
        Images whose rows are to go.
    other_model
        A model of features in the way, not the one that this run computes; None if there is none.
    """

    path: str
    featurise: int
    remove: int
    other_model: str | None

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
    version (and of this model). A crash between the two commits of a chunk leaves other states; those are worked
    on again.

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
        (f_etag = l_etag AND model_id = '{model_id}' AND r_etag IS NULL) OR (r_etag = l_etag AND f_etag IS NULL)"""
    )
    # One aggregation of three lists of keys, where joining them would sort and shuffle each.
    changes = spark.sql(f"""
        SELECT key, l_etag AS etag, size,
               if(l_etag IS NULL, '{Op.REMOVE}', '{Op.FEATURISE}') AS op,
               f_etag IS NOT NULL AS had_features, r_etag IS NOT NULL AS had_reject,
               nullif(model_id, '{model_id}') AS other_model
        FROM (
            SELECT key, max(l_etag) AS l_etag, max(size) AS size, max(f_etag) AS f_etag, max(model_id) AS model_id,
                   max(r_etag) AS r_etag
            FROM (
                SELECT key, etag AS l_etag, size, null AS f_etag, null AS model_id, null AS r_etag FROM listing
                UNION ALL SELECT key, null, null, etag, model_id, null FROM {tables.features}
                UNION ALL SELECT key, null, null, null, null, etag FROM {tables.rejects}
            )
            GROUP BY key
        )
        WHERE NOT coalesce({settled}, false)
    """)
    observed = Observation()
    changes.observe(
        observed,
        count_if(col("op") == Op.FEATURISE).alias("featurise"),
        count_if(col("op") == Op.REMOVE).alias("remove"),
        max_("other_model").alias("other_model"),
    ).write.parquet(path, mode="overwrite")
    counted = observed.get
    return Plan(path, counted["featurise"], counted["remove"], counted["other_model"])
