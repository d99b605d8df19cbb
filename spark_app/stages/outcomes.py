"""What became of the images of a change set: the staged rows, and how many there are of each kind."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from spark_app.errors import TooManyRejectsError

SUSPICIOUS = 20
"""So few refused images never fail a run: five broken files dropped in a bucket are five rows in `rejects`."""

OUTCOMES = pa.schema(
    [
        ("key", pa.string()),
        ("etag", pa.string()),
        ("label", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("model_id", pa.string()),
        ("features", pa.list_(pa.float32())),
        ("run_id", pa.string()),
        ("processed_at", pa.timestamp("us", tz="UTC")),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("had_features", pa.bool_()),
        ("had_reject", pa.bool_()),
        ("unchanged", pa.bool_()),
    ]
)
"""One row per key: with features, or with a reason, or with neither where the image is gone. `had_features`,
`had_reject`: the tables have a row of the key already; `unchanged`: and it is the right one."""

TALLIES = pa.schema([("what", pa.string()), ("n", pa.int64())])
"""Rows of a tally: a number of `Tally` by its name, or the number of images refused for a reason."""


@dataclass(frozen=True)
class Tally:
    """What became of the images of a change set, counted from what is staged.

    Attributes
    ----------
    featurised, rejected
        Images that have features now, or a reason.
    unchanged
        Images that turned out to be settled.
    replaced
        Of those featurised: that had features of an earlier version.
    removed
        Images that are gone.
    stale_features, stale_rejects
        Images of which the tables have a row already, to be replaced or removed.
    reasons
        Reason → images refused for it.
    """

    featurised: int = 0
    rejected: int = 0
    unchanged: int = 0
    replaced: int = 0
    removed: int = 0
    stale_features: int = 0
    stale_rejects: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        """Images of which some row comes or goes."""
        return self.featurised + self.rejected + self.removed

    @classmethod
    def of_outcomes(cls, outcomes: pa.Table) -> Self:
        """Count what became of the images of a task."""
        unchanged = outcomes["unchanged"]
        outcomes = outcomes.filter(pc.invert(unchanged))
        featurised = outcomes["features"].is_valid()
        reasons = Counter(outcomes["reason"].drop_null().to_pylist())
        return cls(
            featurised=_count(featurised),
            rejected=reasons.total(),
            unchanged=_count(unchanged),
            replaced=_count(pc.and_(featurised, outcomes["had_features"])),
            removed=_count(pc.and_not(outcomes["reason"].is_null(), featurised)),
            stale_features=_count(outcomes["had_features"]),
            stale_rejects=_count(outcomes["had_reject"]),
            reasons=reasons,
        )

    def to_rows(self) -> pa.RecordBatch:
        """Write the tally as rows of `TALLIES`."""
        counted = {what: getattr(self, what) for what in _NUMBERS} | dict(self.reasons)
        return pa.record_batch([list(counted), list(counted.values())], schema=TALLIES)

    @classmethod
    def of_rows(cls, rows: Iterable[Row]) -> Self:
        """Add up the rows of any number of tallies."""
        counted: Counter[str] = Counter()
        for row in rows:
            counted[row.what] += row.n
        return cls(**{what: counted.pop(what) for what in _NUMBERS}, reasons=counted)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.featurised + other.featurised,
            self.rejected + other.rejected,
            self.unchanged + other.unchanged,
            self.replaced + other.replaced,
            self.removed + other.removed,
            self.stale_features + other.stale_features,
            self.stale_rejects + other.stale_rejects,
            Counter(self.reasons) + Counter(other.reasons),
        )

    def check(self, max_reject_rate: float) -> None:
        """See that the images can be what is wrong.

        Raises
        ------
        TooManyRejectsError
            If more than this share of them, and `SUSPICIOUS` at least, was refused.
        """
        seen = self.featurised + self.rejected
        if self.rejected >= SUSPICIOUS and self.rejected > max_reject_rate * seen:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in Counter(self.reasons).most_common())
            raise TooManyRejectsError(
                f"{self.rejected:,} of {seen:,} images were refused ({reasons}): the cause is hardly the images. "
                "The last results are untouched. If the files really are broken, run again with --max-reject-rate 1."
            )


_NUMBERS = ("featurised", "rejected", "unchanged", "replaced", "removed", "stale_features", "stale_rejects")


def read_outcomes(spark: SparkSession, path: str) -> DataFrame:
    """Read staged outcomes that change something.

    Parameters
    ----------
    spark
        The session.
    path
        Of one chunk, or with a wildcard of all chunks of a run.
    """
    return spark.read.schema(from_arrow_schema(OUTCOMES)).parquet(path).where("NOT unchanged")


def _count(mask: pa.ChunkedArray) -> int:
    return pc.sum(mask).as_py() or 0
