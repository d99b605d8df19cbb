"""The matrix as CSV files in the order of the keys: one, or one for every range of keys where there are many rows.

A file is written once. Where a run changes rows of a range, it writes that range anew and names the old files of all
others, so that publishing costs what has changed and not what there is.
"""

import json
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import blake2b
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Self

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql.functions import expr
from pyspark.sql.pandas.types import from_arrow_schema

from contract.layout import RESULTS, ResultFile, matrix_file, results_folder
from contract.summary import MatrixFile
from spark_app.keys import quoted
from spark_app.stages.arrow import FloatMatrix, to_matrix
from spark_app.stages.csv_files import write_csv
from spark_app.stages.results import SampledImage
from spark_app.storage import Storage

ROWS_PER_FILE = 10_000
"""Of a matrix of several files. One row more or less costs a file; a file of twice as many rows is split."""

FILES_AT_ONCE = 64
"""Where a run changes more files than these, it writes all of them."""


SAMPLE = 2_000
"""Images in the report's scatter plot at most, about: a page that opens at once, from a corpus of any size."""

REPORTS = pa.schema([("written", pa.string())])
SHIFTS = pa.schema([("range", pa.int64()), ("shift", pa.int64())])


@dataclass(frozen=True)
class Matrix:
    """A published matrix.

    Attributes
    ----------
    files
        In the order of the keys.
    share
        Part of all images that `sample` is drawn from: those with the least hashes of their keys.
    sample
        In the order of the keys.
    """

    files: list[MatrixFile]
    share: float
    sample: list[SampledImage]

    @property
    def rows(self) -> int:
        """Images in the matrix."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class Written:
    """A file that a task has written, and its images of the sample."""

    file: MatrixFile
    sample: list[SampledImage]

    def to_json(self) -> str:
        """Write it as a text, to hand it to the driver."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it back."""
        document = json.loads(text)
        return cls(MatrixFile(**document["file"]), [SampledImage(**image) for image in document["sample"]])


@dataclass(frozen=True)
class MatrixJob:
    """What a task needs to know to write files of the matrix.

    Attributes
    ----------
    root
        Of the environment.
    run_id, pca_version
        Who writes, coordinates of what; both are in the names of the files.
    k
        Components per row; 0 gives key and label only.
    share
        Part of the images to sample.
    """

    root: Storage
    run_id: str
    pca_version: str | None
    k: int
    share: float = 1.0

    def file(self, number: int, of: int) -> str:
        """Name a file: the only one lies with the results, several ones with the basis."""
        if of == 1 or self.pca_version is None:
            return results_folder(self.run_id) + ResultFile.MATRIX
        return matrix_file(self.pca_version, self.run_id, number)


def sample_share(rows: int) -> float:
    """Choose the part of the images that makes a sample of `SAMPLE` at most, about."""
    return 2.0 ** -max(0, math.ceil(math.log2(rows / SAMPLE))) if rows else 1.0


def publish_matrix(coordinates: DataFrame, rows: int, job: MatrixJob) -> Matrix:
    """Write all files.

    Parameters
    ----------
    coordinates
        key, label, components.
    rows
        How many.
    job
        Where, and how.
    """
    job = replace(job, share=sample_share(rows))
    files = max(1, math.ceil(rows / ROWS_PER_FILE))
    names = [job.file(number, files) for number in range(files)]
    if rows == 0:
        # Spark runs no task for a table without rows, and a header is wanted all the same.
        return Matrix([_write_file(iter(()), names[0], job).file], job.share, [])
    frame = coordinates.select("key", "label", "components")
    spread = frame.repartitionByRange(len(names), "key") if len(names) > 1 else frame.coalesce(1)
    task = partial(_write_partition, names=names, job=job)
    written = _assembled(_collect(spread.sortWithinPartitions("key"), task), job.share, expected=rows)
    return replace(written, files=_covering(written.files))


def update_matrix(coordinates: DataFrame, changes: DataFrame, last: Matrix, job: MatrixJob) -> Matrix:
    """Write the files of which rows have changed; name the others.

    Parameters
    ----------
    coordinates
        key, label, components of all images.
    changes
        key and shift of images that changed since the last matrix: 1 for a new row, -1 for one that is gone, 0 for
        one that is another now.
    last
        The matrix before.
    job
        Where, and how.
    """
    shifts = _shifts(changes, [file.first_key for file in last.files])
    rows = last.rows + sum(shifts.values())
    sample_has_shrunk = last.share < 1 and rows * last.share < SAMPLE / 4
    if rows <= ROWS_PER_FILE or len(shifts) > FILES_AT_ONCE or sample_has_shrunk:
        return publish_matrix(coordinates, rows, job) if shifts else carry_over(last, job)
    job = replace(job, share=min(last.share, sample_share(rows)))
    sizes = {index: _split(last.files[index].rows + shift) for index, shift in shifts.items()}
    written = _write_ranges(coordinates, last.files, sizes, job)
    return _merged(last, set(sizes), _assembled(written, job.share, expected=sum(map(sum, sizes.values()))))


def carry_over(last: Matrix, job: MatrixJob) -> Matrix:
    """Publish a matrix again. A file among the results of a run is copied, so that each run's folder is complete."""
    files = []
    for file in last.files:
        name = job.file(0, of=1) if file.file.startswith(RESULTS) else file.file
        if name != file.file:
            job.root.copy(file.file, name)
        files.append(replace(file, file=name))
    return replace(last, files=files)


def _shifts(changes: DataFrame, first_keys: list[str]) -> Counter[int]:
    """Range → by how many rows it grows; ranges without changes are missing."""
    task = partial(_shifts_of_partition, first_keys=first_keys)
    shifts: Counter[int] = Counter()
    for row in changes.select("key", "shift").mapInArrow(task, from_arrow_schema(SHIFTS)).collect():
        shifts[row.range] += row.shift
    return shifts


def _shifts_of_partition(batches: Iterable[pa.RecordBatch], first_keys: list[str]) -> Iterator[pa.RecordBatch]:
    shifts: Counter[int] = Counter()
    for batch in batches:
        for key, shift in zip(batch["key"].to_pylist(), batch["shift"].to_pylist(), strict=True):
            shifts[bisect_right(first_keys, key) - 1] += shift
    yield pa.record_batch([list(shifts.keys()), list(shifts.values())], schema=SHIFTS)


def _split(rows: int) -> list[int]:
    """Cut a range into files: one, unless it has grown to more than twice the size of one."""
    files = math.ceil(rows / ROWS_PER_FILE) if rows > 2 * ROWS_PER_FILE else min(rows, 1)
    return [rows * (number + 1) // files - rows * number // files for number in range(files)]


def _write_ranges(
    coordinates: DataFrame, files: Sequence[MatrixFile], sizes: dict[int, list[int]], job: MatrixJob
) -> list[Written]:
    ends: list[str | None] = [*(file.first_key for file in files[1:]), None]
    conditions = {index: _between(files[index].first_key, ends[index]) for index in sizes}
    cases = " ".join(f"WHEN {condition} THEN {index}" for index, condition in conditions.items())
    frame = coordinates.where(" OR ".join(conditions.values())).select(
        "key", "label", "components", expr(f"CASE {cases} END").alias("range")
    )
    numbers = accumulate(map(len, sizes.values()), initial=0)
    task = partial(_write_ranges_of_partition, sizes=sizes, first_number=dict(zip(sizes, numbers)), job=job)  # noqa: B905 -- the last is the end
    spread = frame.repartition(len(sizes), "range").sortWithinPartitions("range", "key")
    return _collect(spread, task)


def _collect(frame: DataFrame, task: "partial[Iterator[pa.RecordBatch]]") -> list[Written]:
    return [Written.from_json(row.written) for row in frame.mapInArrow(task, from_arrow_schema(REPORTS)).collect()]


def _between(first: str, end: str | None) -> str:
    return f"(key >= {quoted(first)}" + (f" AND key < {quoted(end)})" if end is not None else ")")


def _write_ranges_of_partition(
    batches: Iterable[pa.RecordBatch], sizes: dict[int, list[int]], first_number: dict[int, int], job: MatrixJob
) -> Iterator[pa.RecordBatch]:
    for (index, piece), slices in groupby(_by_file(batches, sizes), key=itemgetter(0)):
        name = job.file(first_number[index] + piece, of=2)
        yield _report(_write_file((batch for _, batch in slices), name, job))


def _by_file(
    batches: Iterable[pa.RecordBatch], sizes: dict[int, list[int]]
) -> Iterator[tuple[tuple[int, int], pa.RecordBatch]]:
    """Cut batches at the ends of ranges, and of the files that a range is cut into."""
    seen: Counter[int] = Counter()
    for batch in batches:
        start = 0
        for index, run in groupby(batch["range"].to_pylist()):
            stop = start + len(list(run))
            ends = list(accumulate(sizes[index]))
            while start < stop:
                # What is more than expected goes to the last file, and is found out when the rows are counted.
                piece = min(bisect_right(ends, seen[index]), len(ends) - 1)
                length = max(1, min(stop - start, ends[piece] - seen[index]))
                yield (index, piece), batch.slice(start, length)
                start += length
                seen[index] += length


def _write_partition(batches: Iterable[pa.RecordBatch], names: list[str], job: MatrixJob) -> Iterator[pa.RecordBatch]:
    context = TaskContext.get()
    yield _report(_write_file(batches, names[context.partitionId() if context else 0], job))


def _report(written: Written) -> pa.RecordBatch:
    return pa.record_batch([[written.to_json()]], schema=REPORTS)


def _write_file(batches: Iterable[pa.RecordBatch], name: str, job: MatrixJob) -> Written:
    columns = [("key", pa.string()), ("label", pa.string()), *((f"pc_{i}", pa.float32()) for i in range(1, job.k + 1))]
    first: list[str] = []
    sample: list[SampledImage] = []

    def rows() -> Iterator[list[pa.Array]]:
        for batch in batches:
            first.extend(batch["key"].slice(0, 1).to_pylist())
            coordinates = to_matrix(batch["components"], job.k)
            sample.extend(_sampled(batch, coordinates, job.share))
            yield [batch["key"], batch["label"], *(pa.array(coordinates[:, i]) for i in range(job.k))]

    count = write_csv(rows(), pa.schema(columns), job.root, name)
    return Written(MatrixFile(file=name, first_key=first[0] if first else "", rows=count), sample)


def _sampled(batch: pa.RecordBatch, coordinates: FloatMatrix, share: float) -> Iterator[SampledImage]:
    for row, key in enumerate(batch["key"].to_pylist()):
        if _hash(key) < share:
            y = float(coordinates[row, 1]) if coordinates.shape[1] > 1 else 0.0
            yield SampledImage(key, batch["label"][row].as_py(), float(coordinates[row, 0]), y)


def _hash(key: str) -> float:
    """Place a key between 0 and 1: evenly, and always there."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64


def _assembled(written: list[Written], share: float, expected: int) -> Matrix:
    """Put together what the tasks have written, and see that no row was lost on the way."""
    in_order = sorted(written, key=lambda part: part.file.first_key)
    files = [part.file for part in in_order if part.file.rows]
    matrix = Matrix(files, share, [image for part in in_order for image in part.sample])
    if matrix.rows != expected:
        raise RuntimeError(f"{matrix.rows} rows of {expected} were written to the matrix of {matrix.files}")
    return matrix


def _merged(last: Matrix, ranges: set[int], written: Matrix) -> Matrix:
    """Put files in the place of those of some ranges."""
    kept = [file for index, file in enumerate(last.files) if index not in ranges]
    first_keys = [file.first_key for file in last.files]
    sample = [image for image in last.sample if bisect_right(first_keys, image.key) - 1 not in ranges]
    return Matrix(
        _covering(sorted([*kept, *written.files], key=lambda file: file.first_key)),
        written.share,
        sorted([*(i for i in sample if _hash(i.key) < written.share), *written.sample], key=lambda i: i.key),
    )


def _covering(files: list[MatrixFile]) -> list[MatrixFile]:
    """Let the first range begin where keys begin."""
    return [replace(file, first_key="") if index == 0 else file for index, file in enumerate(files)]
