"""The outcomes of a change set: what became of each image, as staged rows and as counts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from spark_app.errors import StorageError
from spark_app.lookahead import map_ahead
from spark_app.storage import Storage

SUSPICIOUS = 20
"""Fewer refused images never fail a run: five broken files in a bucket are five rows of `rejects`."""

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
        ("examined_with", pa.string()),
        ("content_hash", pa.string()),
        ("perceptual_hash", pa.int64()),
        ("brightness", pa.float32()),
        ("brightness_low", pa.float32()),
        ("brightness_high", pa.float32()),
        ("contrast", pa.float32()),
        ("sharpness", pa.float32()),
        ("entropy", pa.float32()),
        ("thumbnail", pa.binary()),
        ("refused_again", pa.bool_()),
        ("had_features", pa.bool_()),
        ("had_reject", pa.bool_()),
        ("unchanged", pa.bool_()),
        ("changed_meanwhile", pa.bool_()),
    ]
)
"""One row per key: with features, with a reason, or with neither if the image no longer exists or is unchanged.
`had_features` and `had_reject` say which tables had a row of the key before the run, `refused_again` whether an
earlier run has refused the same version, and `changed_meanwhile` whether the listing or the notice had named another
version."""

READS_AHEAD = 8
"""Staged files, of about 1 MB each, that the driver reads ahead."""

TALLIES = pa.schema([("name", pa.string()), ("n", pa.int64())])
"""Rows of a tally: a count of `Tally` by its name, or the number of images that were refused for a reason."""


@dataclass(frozen=True)
class Tally:
    """Counts of the outcomes of a change set."""

    featurised: int = 0
    """Images with new features."""
    rejected: int = 0
    """Images that were refused."""
    refused_again: int = 0
    """Refused images of which an earlier run has refused the same version."""
    unchanged: int = 0
    """Images that turned out to be settled."""
    replaced: int = 0
    """Featurised images that had features of an earlier version."""
    removed: int = 0
    """Images that no longer exist."""
    changed_meanwhile: int = 0
    """Images that were replaced or removed after the listing, or after the notice."""
    stale_features: int = 0
    """Rows of `features` to replace or to remove."""
    stale_rejects: int = 0
    """Rows of `rejects` to replace or to remove."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Number of refused images by reason."""

    @property
    def changed(self) -> int:
        """Number of images with a new or removed row."""
        return self.featurised + self.rejected + self.removed

    @property
    def touches_features(self) -> bool:
        """Whether the run adds or removes rows of `features`."""
        return self.featurised + self.stale_features > 0

    @property
    def touches_rejects(self) -> bool:
        """Whether the run adds or removes rows of `rejects`."""
        return self.rejected + self.stale_rejects > 0

    @classmethod
    def of_outcomes(cls, outcomes: pa.Table) -> Self:
        """Count the outcomes of one task."""
        unchanged, changed_meanwhile = outcomes["unchanged"], outcomes["changed_meanwhile"]
        outcomes = outcomes.filter(pc.invert(unchanged))
        featurised = outcomes["features"].is_valid()
        reasons = Counter(outcomes["reason"].drop_null().to_pylist())
        return cls(
            featurised=_count(featurised),
            rejected=reasons.total(),
            refused_again=_count(outcomes["refused_again"]),
            unchanged=_count(unchanged),
            changed_meanwhile=_count(changed_meanwhile),
            replaced=_count(pc.and_(featurised, outcomes["had_features"])),
            removed=_count(pc.and_not(outcomes["reason"].is_null(), featurised)),
            stale_features=_count(outcomes["had_features"]),
            stale_rejects=_count(outcomes["had_reject"]),
            reasons=reasons,
        )

    def to_rows(self) -> pa.RecordBatch:
        """Return the tally as rows of `TALLIES`."""
        counts = {name: getattr(self, name) for name in _COUNTS} | dict(self.reasons)
        return pa.record_batch([list(counts), list(counts.values())], schema=TALLIES)

    @classmethod
    def of_rows(cls, rows: Iterable[Row]) -> Self:
        """Add up the rows of any number of tallies."""
        counts: Counter[str] = Counter()
        for row in rows:
            counts[row.name] += row.n
        return cls(**{name: counts.pop(name) for name in _COUNTS}, reasons=counts)

    def __add__(self, other: "Tally") -> "Tally":
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Tally(**counts, reasons=Counter(self.reasons) + Counter(other.reasons))

    @property
    def refused_first(self) -> int:
        """Images that a run has refused for the first time. Those that an earlier run has refused are no news."""
        return self.rejected - self.refused_again

    def is_suspicious(self, max_reject_rate: float) -> bool:
        """Return whether more than `max_reject_rate`, and at least `SUSPICIOUS`, were refused for the first time."""
        refused = self.refused_first
        return refused >= SUSPICIOUS and refused > max_reject_rate * (self.featurised + refused)

    @property
    def suspicion(self) -> str:
        """The sentence that says how many images were refused, and why."""
        computed = self.featurised + self.refused_first
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in Counter(self.reasons).most_common())
        return (
            f"{self.refused_first:,} of {computed:,} images were refused ({reasons}), which is more than broken images "
            "can explain."
        )


_COUNTS = [count.name for count in fields(Tally) if count.name != "reasons"]


@dataclass(frozen=True)
class AppliedChanges:
    """The changes of the tables `features` and `rejects` that a run has committed."""

    tally: Tally
    outcomes: DataFrame | None
    """Staged outcomes; `None` if there was nothing to change."""
    stale_keys: list[str] | None
    """Keys whose row of `features` was replaced or removed; `None` if they are many."""


def read_outcomes(spark: SparkSession, path: str, expected: int) -> DataFrame:
    """Read staged outcomes, without those of unchanged images.

    Spark lists the files now. If a file disappears later, reading it fails; if one has disappeared already, only the
    number of rows shows it.

    Parameters
    ----------
    path
        Folder of one chunk, or a pattern that matches the folders of all chunks of a run.
    expected
        Number of rows that the tasks have staged.

    Raises
    ------
    StorageError
        If rows are missing.
    """
    try:
        outcomes = spark.read.schema(from_arrow_schema(OUTCOMES)).parquet(path).where("NOT unchanged")
        found = outcomes.count()
    except AnalysisException:
        found = 0
    if found != expected:
        raise StorageError(
            f"{expected - found:,} of {expected:,} staged rows are missing from {path}: another program has deleted "
            "files there. Run again: what is committed stays, and the run computes the rest."
        )
    return outcomes


def staged_features(root: Storage, staging: str) -> Iterator[pa.RecordBatch]:
    """Read the staged features of a run without Spark, a few files ahead.

    Parameters
    ----------
    staging
        Folder of what the run has staged.

    Yields
    ------
    RecordBatch
        The column `features`, without nulls.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    keys = (key for batch in root.list_objects(f"{staging}outcomes/") for key in batch["key"].to_pylist())
    with ThreadPoolExecutor(READS_AHEAD) as pool:
        for body in map_ahead(root.read, keys, pool, ahead=READS_AHEAD):
            if body is None:
                continue  # the caller counts the vectors
            table = pq.read_table(pa.BufferReader(body), columns=["features"])
            yield from table.filter(table["features"].is_valid()).to_batches()


def _count(mask: pa.ChunkedArray) -> int:
    return pc.sum(mask).as_py() or 0
