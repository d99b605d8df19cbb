"""The small files of the results, and what the last complete run left."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Self

import pyarrow as pa
from pyspark.sql import DataFrame, Row
from pyspark.sql.pandas.types import from_arrow_schema

from contract.layout import LATEST, ResultFile
from contract.summary import Latest, Summary
from spark_app.numerics.pca import Assessment
from spark_app.stages.csv_files import WRITTEN, write_csv
from spark_app.storage import Storage
from spark_app.tables import Tables

LISTED_REJECTS = 20
"""Refused images that the report names."""


@dataclass(frozen=True)
class Refusals:
    """What the report shows of the refused images.

    Attributes
    ----------
    reasons
        Reason → images that stand refused for it, the most frequent first.
    some
        key, reason and detail of `LISTED_REJECTS` of them at most.
    """

    reasons: dict[str, int]
    some: list[tuple[str, str, str]]

    @property
    def count(self) -> int:
        """Images that stand refused."""
        return sum(self.reasons.values())


@dataclass(frozen=True)
class SampledImage:
    """An image of the report's scatter plot: its place along the first two components."""

    key: str
    label: str | None
    x: float
    y: float


@dataclass(frozen=True)
class ReportData:
    """What the report shows beside the summary, kept for the next run: it reads of the tables what has changed.

    Attributes
    ----------
    spectrum
        Variance along each principal direction of the features: what the best components would keep.
    ratios
        Share of the variance along each component of the basis.
    share
        Part of all images that `sample` is drawn from: those with the least hashes of their keys.
    sample
        In the order of the keys.
    refusals
        Of all images that stand refused.
    """

    spectrum: list[float]
    ratios: list[float]
    share: float
    sample: list[SampledImage]
    refusals: Refusals

    def to_json(self) -> str:
        """Write the data as a JSON document."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the data back.

        Raises
        ------
        ValueError, KeyError, TypeError
            If the document is not of this kind.
        """
        document = json.loads(text)
        refusals = document.pop("refusals")
        some = [(key, reason, detail) for key, reason, detail in refusals["some"]]
        return cls(
            sample=[SampledImage(**image) for image in document.pop("sample")],
            refusals=Refusals(refusals["reasons"], some),
            **document,
        )


@dataclass(frozen=True)
class LastRun:
    """What the last complete run left."""

    summary: Summary
    report: ReportData


def load_last_run(root: Storage) -> LastRun | None:
    """Read what the last complete run left; None if there was none, or if another version wrote it.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    pointer = root.read(LATEST)
    try:
        folder = Latest.from_json(pointer).results if pointer else None
        summary = root.read(folder + ResultFile.SUMMARY) if folder else None
        report = root.read(folder + ResultFile.REPORT_DATA) if folder else None
        return LastRun(Summary.from_json(summary), ReportData.from_json(report)) if summary and report else None
    except (ValueError, KeyError, TypeError):
        # Written by another version of the pipeline. It only tells what need not be done again.
        return None


def read_refusals(tables: Tables) -> Refusals:
    """Read what the report shows of the refused images."""
    spark = tables.spark
    reasons = spark.sql(f"SELECT reason, count(*) AS n FROM {tables.rejects} GROUP BY reason ORDER BY n DESC, reason")
    some = spark.sql(f"SELECT key, reason, detail FROM {tables.rejects} ORDER BY key LIMIT {LISTED_REJECTS}")
    return Refusals(
        {row.reason: row.n for row in reasons.collect()},
        [(row.key, row.reason, row.detail) for row in some.collect()],
    )


def publish_rejects(rejects: DataFrame, root: Storage, folder: str) -> None:
    """Write ``rejects.csv``: key, reason, detail of every image that stands refused."""
    frame = rejects.select("key", "reason", "detail").coalesce(1).sortWithinPartitions("key")
    write = partial(_write_rejects, root=root, key=folder + ResultFile.REJECTS)
    written: list[Row] = frame.mapInArrow(write, from_arrow_schema(WRITTEN)).collect()
    if not written:
        # Spark runs no task for a table without rows, and a header is wanted all the same.
        list(write(iter(())))


def publish_explained_variance(assessment: Assessment | None, root: Storage, folder: str) -> None:
    """Write ``explained_variance.csv``: component, variance, ratio, cumulative."""
    root.write(folder + ResultFile.EXPLAINED_VARIANCE, explained_variance_csv(assessment))


def explained_variance_csv(assessment: Assessment | None) -> bytes:
    """Tabulate the components: component, variance, ratio, cumulative."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["component", "variance", "ratio", "cumulative"])
    if assessment:
        table = zip(assessment.variances, assessment.ratios, assessment.ratios.cumsum(), strict=True)
        writer.writerows([number, *map(repr, map(float, row))] for number, row in enumerate(table, start=1))
    return text.getvalue().encode()


def _write_rejects(batches: Iterable[pa.RecordBatch], root: Storage, key: str) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([(name, pa.string()) for name in ("key", "reason", "detail")])
    rows = write_csv((batch.columns for batch in batches), schema, root, key)
    yield pa.record_batch([pa.array([rows])], schema=WRITTEN)
