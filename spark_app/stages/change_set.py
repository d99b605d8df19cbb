"""The change set: the difference between the images and the tables.

A run that crashed leaves the tables in the state of some commit. The next run computes the difference again, which is
all that is needed to repair them.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Any, Self

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql.functions import col, count_if

from contract.layout import fault_of
from contract.rejects import Reason
from spark_app.keys import key_condition, quoted
from spark_app.settings import Limits
from spark_app.tables import Tables


class Action(StrEnum):
    """What a run does with an image."""

    FEATURISE = "featurise"
    """Compute its features, because it is new or has another version."""
    REMOVE = "remove"
    """Remove its rows, because it no longer exists."""
    CHECK = "check"
    """Remove its rows if it no longer exists, as a notice says; otherwise compute its features."""


SCHEMA = (
    "key string, etag string, size long, action string, had_features boolean, had_reject boolean, settled_etag string, "
    "refused_etag string, refused_as string"
)


NEW: dict[str, Any] = {"action": Action.FEATURISE.value, "had_features": False, "had_reject": False}
"""Values of `SCHEMA` for an image that the tables do not know. The other columns are null."""

IS_UNSETTLED = f"""
    CASE action WHEN '{Action.FEATURISE}' THEN NOT coalesce(settled_etag = etag, false)
                WHEN '{Action.REMOVE}' THEN true
                WHEN '{Action.CHECK}' THEN had_features OR had_reject
                ELSE false END"""
"""SQL condition of the images that are not settled."""


DECODERS = ("pillow", "pillow-heif")
"""Packages that decode images. Another version may read what this one refuses."""


@dataclass(frozen=True)
class Judge:
    """What decides about an image, apart from the image itself. The rows of another judge are not settled."""

    model_id: str
    """Model of the features."""
    examined_with: str
    """Limits and decoders, which decide whether an image is refused."""

    @classmethod
    def of(cls, model_id: str, limits: Limits) -> Self:
        """Return the judge of a run."""
        allowed = [f"{value:g} {name}" for name, value in asdict(limits).items()]
        return cls(model_id, ", ".join(allowed + [f"{name} {version(name)}" for name in DECODERS]))


@dataclass(frozen=True)
class Candidates:
    """The images that a run examines."""

    rows: DataFrame
    """Key, etag, size and action, one row per key."""
    complete: bool
    """Whether these are all images. If so, the run removes the rows of all other keys from the tables."""
    keys: Collection[str] | None = None
    """The keys if they are few; `None` if they are many."""
    unlisted: Collection[str] = ()
    """Folders that could not be listed, each with a slash at its end. Rows of keys below them stay as they are."""

    @property
    def action_of_others(self) -> str:
        """SQL expression of the action of the keys that only the tables have."""
        if not self.complete:
            return "null"
        # No key of a table lies in a folder whose name can't be handled, and such a name can't be a part of SQL.
        folders = sorted(folder for folder in self.unlisted if fault_of(folder.rstrip("/")) is None)
        unlisted = " OR ".join(f"startswith(key, {quoted(folder)})" for folder in folders)
        return f"if({unlisted or 'false'}, null, '{Action.REMOVE}')"


@dataclass(frozen=True)
class ChangeSet:
    """A staged change set."""

    path: str
    """Path for Spark: Parquet files of `SCHEMA`, or of some of its columns, one row per key."""
    examined: int
    """Number of images that the run examines."""
    featurise: int
    """Number of images to compute."""
    remove: int
    """Number of images to remove, and of images that may have to be removed."""
    unsettled: int
    """Number of examined images in the change set."""
    growth: int
    """Number of rows that `features` gains, if no image is refused; negative if it loses rows."""
    judge: Judge

    @classmethod
    def of_new_images(cls, path: str, count: int, judge: Judge) -> Self:
        """Return the change set of images that the tables do not know: their listing is the change set.

        Parameters
        ----------
        path
            Path of the staged listing.
        count
            Number of its images.
        """
        return cls(path, examined=count, featurise=count, remove=0, unsettled=count, growth=count, judge=judge)

    @property
    def settled(self) -> int:
        """Number of examined images whose rows are already correct."""
        return self.examined - self.unsettled

    @property
    def size(self) -> int:
        """Number of keys in the change set."""
        return self.featurise + self.remove

    def chunk(self, spark: SparkSession, number: int, of: int) -> DataFrame:
        """Read one of `of` chunks of about the same size. A chunk has the same keys whenever it is read."""
        rows = spark.read.schema(SCHEMA).parquet(self.path).where(f"pmod(xxhash64(key), {of}) = {number}")
        return rows.fillna(NEW)  # a listing lacks these columns


def plan_changes(tables: Tables, candidates: Candidates, judge: Judge, path: str) -> ChangeSet:
    """Compare the images with the tables, and stage the change set.

    An image is settled if exactly one of `features` and `rejects` has a row of it, and this row has the etag of the
    image and is of the same judge. A crash between the two commits of a chunk leaves other states, whose images are in
    the change set again. A refusal as `unreadable` is never settled, because permissions change without the image.

    Parameters
    ----------
    path
        Path at which Spark stages the change set.
    """
    observed, staged = Observation(), Observation()
    examined = _compare(tables, candidates, judge).observe(
        observed, count_if(col("action") != Action.REMOVE).alias("examined")
    )
    examined.where(IS_UNSETTLED).observe(
        staged,
        count_if(col("action") == Action.FEATURISE).alias("featurise"),
        count_if(col("action") != Action.FEATURISE).alias("remove"),
        count_if(col("action") != Action.REMOVE).alias("unsettled"),
        (
            count_if((col("action") == Action.FEATURISE) & ~col("had_features"))
            - count_if((col("action") == Action.REMOVE) & col("had_features"))
        ).alias("growth"),
    ).write.parquet(path, mode="overwrite")
    return ChangeSet(path, **observed.get, **staged.get, judge=judge)


def _compare(tables: Tables, candidates: Candidates, judge: Judge) -> DataFrame:
    """Return rows of `SCHEMA` for all keys of the candidates and of the tables."""
    candidates.rows.createOrReplaceTempView("candidates")
    condition = key_condition(candidates.keys)
    examined_with = quoted(judge.examined_with)  # null in rows of earlier versions, which are left alone
    is_settled = f"reason <> '{Reason.UNREADABLE}' AND coalesce(examined_with, {examined_with}) = {examined_with}"
    # One aggregation of lists of keys: joins would sort and shuffle each of the lists.
    return tables.spark.sql(f"""
        SELECT key, etag, size, coalesce(action, {candidates.action_of_others}) AS action,
               f_etag IS NOT NULL AS had_features, r_etag IS NOT NULL AS had_reject,
               CASE WHEN r_etag IS NULL AND model_id = '{judge.model_id}' THEN f_etag
                    WHEN f_etag IS NULL AND is_settled THEN r_etag END AS settled_etag,
               refused_etag, refused_as
        FROM (
            SELECT key, max(etag) AS etag, max(size) AS size, max(action) AS action,
                   max(f_etag) AS f_etag, max(model_id) AS model_id, max(r_etag) AS r_etag,
                   max(is_settled) AS is_settled, max(refused_etag) AS refused_etag, max(refused_as) AS refused_as
            FROM (
                SELECT key, etag, size, action, null AS f_etag, null AS model_id, null AS r_etag, null AS is_settled,
                       null AS refused_etag, null AS refused_as
                FROM candidates
                UNION ALL
                SELECT key, null, null, null, etag, model_id, null, null, null, null
                FROM {tables.features} WHERE {condition}
                UNION ALL
                SELECT key, null, null, null, null, null, etag, {is_settled}, null, null
                FROM {tables.rejects} WHERE {condition}
                UNION ALL
                SELECT key, null, null, null, null, null, null, null, etag, reason
                FROM {tables.published.rejects} WHERE {condition}
            )
            GROUP BY key
        )
        WHERE action IS NOT NULL OR f_etag IS NOT NULL OR r_etag IS NOT NULL
    """)
