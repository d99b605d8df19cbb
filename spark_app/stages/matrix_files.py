"""The tasks that write the files of the matrix, and that sample images for the report."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import itemgetter
from typing import ClassVar

import pyarrow as pa
from pyspark import TaskContext

from contract.documents import Document
from contract.layout import ResultFile, matrix_file, results_folder
from contract.summary import MatrixFile
from spark_app.arrow import FloatMatrix, matrix_schema, to_matrix
from spark_app.csv_files import write_csv
from spark_app.keys import key_hash
from spark_app.report.data import SampledImage
from spark_app.storage import Storage

WRITTEN_FILES = pa.schema([("written", pa.string())])
"""One JSON document per file (`WrittenFile`), for the driver."""


@dataclass(frozen=True)
class WrittenFile(Document):
    """A file that a task has written, and the sampled images of its rows."""

    INDENT: ClassVar[int | None] = None
    file: MatrixFile
    sample: list[SampledImage]

    def to_rows(self) -> pa.RecordBatch:
        """Return a row of `WRITTEN_FILES`."""
        return pa.record_batch([[self.to_json()]], schema=WRITTEN_FILES)


@dataclass(frozen=True)
class MatrixJob:
    """The context of a task, which Spark sends to the workers."""

    root: Storage
    run_id: str
    pca_version: str | None
    k: int
    """Number of components per row. With 0, the files have a key and a label only."""
    share: float = 1.0
    """Share of the images to sample."""

    def file(self, number: int, of: int) -> str:
        """Return the key of a file. A single file is in the folder of the results, several are in that of the basis."""
        if of == 1 or self.pca_version is None:
            return results_folder(self.run_id) + ResultFile.MATRIX
        return matrix_file(self.pca_version, self.run_id, number)


def write_file(batches: Iterable[pa.RecordBatch], name: str, job: MatrixJob) -> WrittenFile:
    """Write one file.

    Parameters
    ----------
    batches
        Rows in the order of the keys, with the columns key, label and components.
    """
    first: list[str] = []
    sample: list[SampledImage] = []

    def rows() -> Iterator[list[pa.Array]]:
        for batch in batches:
            first.extend(batch["key"].slice(0, 1).to_pylist())
            coordinates = to_matrix(batch["components"], job.k)
            sample.extend(sampled(batch, coordinates, job.share))
            yield [batch["key"], batch["label"], *(pa.array(coordinates[:, i]) for i in range(job.k))]

    written = write_csv(rows(), matrix_schema(job.k), job.root, name)
    first_key = first[0] if first else ""
    return WrittenFile(MatrixFile(file=name, first_key=first_key, rows=written.rows, digest=written.digest), sample)


def sampled(batch: pa.RecordBatch, coordinates: FloatMatrix, share: float) -> Iterator[SampledImage]:
    """Yield the sampled images of some rows."""
    for row, key in enumerate(batch["key"].to_pylist()):
        if key_hash(key) < share:
            y = float(coordinates[row, 1]) if coordinates.shape[1] > 1 else 0.0
            yield SampledImage(key, batch["label"][row].as_py(), float(coordinates[row, 0]), y)


def write_partition(batches: Iterable[pa.RecordBatch], names: list[str], job: MatrixJob) -> Iterator[pa.RecordBatch]:
    """Write each partition as the file of its number."""
    context = TaskContext.get()
    yield write_file(batches, names[context.partitionId() if context else 0], job).to_rows()


def write_ranges(
    batches: Iterable[pa.RecordBatch], sizes: dict[int, list[int]], first_number: dict[int, int], job: MatrixJob
) -> Iterator[pa.RecordBatch]:
    """Write the files of ranges of keys.

    Parameters
    ----------
    batches
        Rows sorted by range and key, with the column ``range``.
    sizes
        Number of rows of each file of a range, by range.
    first_number
        Number of the first file of a range, by range.
    """
    for (index, piece), slices in groupby(_by_file(batches, sizes), key=itemgetter(0)):
        name = job.file(first_number[index] + piece, of=2)
        yield write_file((batch for _, batch in slices), name, job).to_rows()


def _by_file(
    batches: Iterable[pa.RecordBatch], sizes: dict[int, list[int]]
) -> Iterator[tuple[tuple[int, int], pa.RecordBatch]]:
    """Cut batches at the ends of ranges, and at the ends of the files of a range."""
    seen: Counter[int] = Counter()
    for batch in batches:
        start = 0
        for index, run in groupby(batch["range"].to_pylist()):
            stop = start + len(list(run))
            ends = list(accumulate(sizes[index]))
            while start < stop:
                # Unexpected rows go to the last file. The driver detects them when it adds up the rows.
                piece = min(bisect_right(ends, seen[index]), len(ends) - 1)
                length = max(1, min(stop - start, ends[piece] - seen[index]))
                yield (index, piece), batch.slice(start, length)
                start += length
                seen[index] += length
