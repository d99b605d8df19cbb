"""The change set: what should be minus what is.

A run that died anywhere left the tables as some commit made them; the plan of the next run sees the difference and
nothing else, so that running again is the repair.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql.functions import col, count_if

from spark_app.keys import key_condition
from spark_app.tables import Tables


class Op(StrEnum):
    """What is to be done with an image."""

    FEATURISE = "featurise"
    """Compute its features: it is new, or another version of itself."""
    REMOVE = "remove"
    """Remove its rows: it is gone."""
    CHECK = "check"
    """Remove its rows if it is gone, as was said; else compute its features."""


SCHEMA = "key string, etag string, size long, op string, had_features boolean, had_reject boolean, settled_etag string"


@dataclass(frozen=True)
class Wanted:
    """What should be.

    Attributes
    ----------
    rows
        key, etag, size and op of images; one row per key.
    complete
        Whether these are all images there are: rows of any other are to go.
    keys
        The keys of the rows where they are few; None for any.
    """

    rows: DataFrame
    complete: bool
    keys: Collection[str] | None = None


@dataclass(frozen=True)
class Plan:
    """A staged change set.

    Attributes
    ----------
    path
        For Spark: Parquet files of `SCHEMA`, one row per key.
    wanted
        Images looked at.
    featurise
        Images to compute.
    remove
        Images whose rows are to go.
    looked_at
        Wanted images among them.
    """

    path: str
    wanted: int
    featurise: int
    remove: int
    looked_at: int

    @property
    def settled(self) -> int:
        """Images that need no look: the tables have what should be."""
        return self.wanted - self.looked_at

    @property
    def changes(self) -> int:
        """Number of keys in the change set."""
        return self.featurise + self.remove

    def chunk(self, spark: SparkSession, number: int, of: int) -> DataFrame:
        """Read one of `of` chunks of nearly equal size: the same keys whenever it is asked for."""
        return spark.read.schema(SCHEMA).parquet(self.path).where(f"pmod(xxhash64(key), {of}) = {number}")


def make_plan(tables: Tables, wanted: Wanted, model_id: str, path: str) -> Plan:
    """Compare what should be with the tables.

    An image is settled if exactly one of `features` and `rejects` has a row of it, and that row is of the wanted
    version (and of this model). A crash between the two commits of a chunk leaves other states; those are worked
    on again.

    Parameters
    ----------
    tables
        What is.
    wanted
        What should be.
    model_id
        The model that the features should be of.
    path
        Where to stage the change set, for Spark.
    """
    wanted.rows.createOrReplaceTempView("wanted")
    of_these = key_condition(wanted.keys)
    absent = f"'{Op.REMOVE}'" if wanted.complete else "null"
    # One aggregation of three lists of keys, where joining them would sort and shuffle each.
    compared = tables.spark.sql(f"""
        SELECT key, etag, size, coalesce(op, {absent}) AS op,
               f_etag IS NOT NULL AS had_features, r_etag IS NOT NULL AS had_reject,
               CASE WHEN r_etag IS NULL AND model_id = '{model_id}' THEN f_etag
                    WHEN f_etag IS NULL THEN r_etag END AS settled_etag
        FROM (
            SELECT key, max(etag) AS etag, max(size) AS size, max(op) AS op,
                   max(f_etag) AS f_etag, max(model_id) AS model_id, max(r_etag) AS r_etag
            FROM (
                SELECT key, etag, size, op, null AS f_etag, null AS model_id, null AS r_etag FROM wanted
                UNION ALL
                SELECT key, null, null, null, etag, model_id, null FROM {tables.features} WHERE {of_these}
                UNION ALL
                SELECT key, null, null, null, null, null, etag FROM {tables.rejects} WHERE {of_these}
            )
            GROUP BY key
        )
    """)
    observed = Observation()
    needed = compared.observe(observed, count_if(col("op") != Op.REMOVE).alias("wanted")).where(_is_due())
    staged = Observation()
    needed.observe(
        staged,
        count_if(col("op") == Op.FEATURISE).alias("featurise"),
        count_if(col("op") != Op.FEATURISE).alias("remove"),
        count_if(col("op") != Op.REMOVE).alias("looked_at"),
    ).write.parquet(path, mode="overwrite")
    counted = staged.get
    return Plan(path, observed.get["wanted"], counted["featurise"], counted["remove"], counted["looked_at"])


def _is_due() -> str:
    return f"""CASE op WHEN '{Op.FEATURISE}' THEN NOT coalesce(settled_etag = etag, false)
                       WHEN '{Op.REMOVE}' THEN true
                       WHEN '{Op.CHECK}' THEN had_features OR had_reject
                       ELSE false END"""
