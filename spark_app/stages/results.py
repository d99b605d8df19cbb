"""The results as files: written by one task each, straight to the storage, in the order of the keys."""

import csv
import gzip
import io
import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import IO, cast

import pyarrow as pa
import pyarrow.csv as pa_csv
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from contract.layout import LATEST
from contract.summary import Latest, Summary
from spark_app.numerics.pca import Basis
from spark_app.stages.arrow import to_matrix
from spark_app.storage import Storage

ROWS_PER_FILE = 1_000_000
"""Above this, the matrix is written as several compressed files."""

REJECTS = "rejects.csv"
EXPLAINED_VARIANCE = "explained_variance.csv"

WRITTEN = pa.schema([("rows", pa.int64())])


def matrix_name(rows: int) -> str:
    """Name the matrix below the results: a file, or a folder of compressed files above a million rows."""
    return "pca.csv" if rows <= ROWS_PER_FILE else "pca/"


def _matrix_files(rows: int) -> list[str]:
    files = max(1, math.ceil(rows / ROWS_PER_FILE))
    name = matrix_name(rows)
    return [f"{name}part-{number:05}.csv.gz" for number in range(files)] if files > 1 else [name]


def publish_matrix(coordinates: DataFrame, root: Storage, folder: str, rows: int, k: int) -> None:
    """Write the matrix: ``pca.csv``, or ``pca/part-*.csv.gz`` where it has more than a million rows.

    Parameters
    ----------
    coordinates
        key, label, components.
    rows
        How many.
    k
        Components per row; 0 gives key and label only.
    """
    files = _matrix_files(rows)
    frame = coordinates.select("key", "label", "components")
    spread = frame.repartitionByRange(len(files), "key") if len(files) > 1 else frame.coalesce(1)
    _write_all(spread, partial(_write_matrix, root=root, k=k), [folder + file for file in files], rows)


def publish_rejects(rejects: DataFrame, root: Storage, folder: str, rows: int) -> None:
    """Write ``rejects.csv``: key, reason, detail of every image that stands refused."""
    frame = rejects.select("key", "reason", "detail").coalesce(1)
    _write_all(frame, partial(_write_rejects, root=root), [folder + REJECTS], rows)


def publish_explained_variance(basis: Basis | None, root: Storage, folder: str) -> None:
    """Write ``explained_variance.csv``: component, variance, ratio, cumulative."""
    root.write(folder + EXPLAINED_VARIANCE, explained_variance_csv(basis))


def republish(root: Storage, source: str, target: str, rows: int) -> None:
    """Publish the tables of an earlier run again, by copying its files; `rows` are those of the matrix."""
    for file in (*_matrix_files(rows), REJECTS, EXPLAINED_VARIANCE):
        root.copy(source + file, target + file)


def load_latest(root: Storage) -> Summary | None:
    """Read the summary of the last complete run; None if there was none, or if another version wrote it.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    pointer = root.read(LATEST)
    body = pointer and root.read(Latest.from_json(pointer).results + "summary.json")
    try:
        return Summary.from_json(body) if body else None
    except (ValueError, KeyError, TypeError):
        # Written by another version of the pipeline. It only tells what need not be done again.
        return None


def explained_variance_csv(basis: Basis | None) -> bytes:
    """Tabulate the components: component, variance, ratio, cumulative."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["component", "variance", "ratio", "cumulative"])
    if basis:
        ratios = basis.explained_variance_ratio
        table = zip(basis.explained_variance, ratios, ratios.cumsum(), strict=True)
        writer.writerows([number, *map(repr, map(float, row))] for number, row in enumerate(table, start=1))
    return text.getvalue().encode()


def _write_all(frame: DataFrame, write: "partial[pa.RecordBatch]", keys: list[str], rows: int) -> None:
    """Write one file per partition, each in the order of the keys, and see that no row was lost on the way."""
    if rows == 0:
        # Spark runs no task for a table without rows, and a header is wanted all the same.
        write(iter(()), key=keys[0])
        return
    task = partial(_write_partition, write=write, keys=keys)
    reports = frame.sortWithinPartitions("key").mapInArrow(task, from_arrow_schema(WRITTEN)).collect()
    written = sum(report.rows for report in reports)
    if written != rows:
        raise RuntimeError(f"{written} rows of {rows} were written to {keys[0]}")


def _write_partition(
    batches: Iterable[pa.RecordBatch], write: "partial[pa.RecordBatch]", keys: list[str]
) -> Iterator[pa.RecordBatch]:
    context = TaskContext.get()
    yield write(batches, key=keys[context.partitionId() if context else 0])


def _write_matrix(batches: Iterable[pa.RecordBatch], root: Storage, key: str, k: int) -> pa.RecordBatch:
    columns = [("key", pa.string()), ("label", pa.string()), *((f"pc_{i}", pa.float32()) for i in range(1, k + 1))]
    return _write_csv((_spread(batch, k) for batch in batches), pa.schema(columns), root, key)


def _spread(batch: pa.RecordBatch, k: int) -> list[pa.Array]:
    matrix = to_matrix(batch["components"], k)
    return [batch["key"], batch["label"], *(pa.array(matrix[:, i]) for i in range(k))]


def _write_rejects(batches: Iterable[pa.RecordBatch], root: Storage, key: str) -> pa.RecordBatch:
    schema = pa.schema([(name, pa.string()) for name in ("key", "reason", "detail")])
    return _write_csv((batch.columns for batch in batches), schema, root, key)


def _write_csv(rows: Iterable[list[pa.Array]], schema: pa.Schema, root: Storage, key: str) -> pa.RecordBatch:
    written = 0
    with root.open_writer(key) as sink, _compressed(sink, key) as stream, pa_csv.CSVWriter(stream, schema) as writer:
        for columns in rows:
            writer.write_batch(pa.record_batch(columns, schema=schema))
            written += len(columns[0])
    return pa.record_batch([pa.array([written])], schema=WRITTEN)


def _compressed(sink: IO[bytes], key: str) -> AbstractContextManager[IO[bytes]]:
    if key.endswith(".gz"):
        return cast("AbstractContextManager[IO[bytes]]", gzip.GzipFile(fileobj=sink, mode="wb", mtime=0))
    return nullcontext(sink)
