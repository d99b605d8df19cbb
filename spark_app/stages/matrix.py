"""The matrix: CSV files in the order of the keys, one file, or one for each range of keys of a large matrix.

A published file never changes. If a run changes rows of a range, it writes new files for this range, and refers to the
old files of all other ranges, so that publishing costs as much as the change.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.functions import expr
from pyspark.sql.pandas.types import from_arrow_schema

from contract.layout import RESULTS
from contract.summary import MatrixFile
from spark_app.keys import key_hash, quoted
from spark_app.report.data import SampledImage
from spark_app.stages.matrix_files import (
    WRITTEN_FILES,
    MatrixJob,
    WrittenFile,
    write_file,
    write_partition,
    write_ranges,
)

ROWS_PER_FILE = 10_000
"""Size of a file of a large matrix. Changing one row rewrites one file; a file that has doubled is split."""

FILES_AT_ONCE = 64
"""A run that changes more files than this writes all files."""

SAMPLE = 2_000
"""Approximate maximum number of images in the report's scatter plot, so that the page opens quickly."""

SHIFTS = pa.schema([("range", pa.int64()), ("shift", pa.int64())])


@dataclass(frozen=True)
class SampledMatrix:
    """A published matrix, and a sample of its rows for the report."""

    files: list[MatrixFile]
    """Files in the order of the keys."""
    share: float
    """Share of all images that `sample` contains: those with the least hashes of their keys."""
    sample: list[SampledImage]
    """Sampled images in the order of the keys."""

    @property
    def rows(self) -> int:
        """Number of images in the matrix."""
        return sum(file.rows for file in self.files)


def sample_share(rows: int) -> float:
    """Return the share of the images that gives a sample of about `SAMPLE` at most: a power of two."""
    return 2.0 ** -max(0, math.ceil(math.log2(rows / SAMPLE))) if rows else 1.0


def is_one_file(rows: int) -> bool:
    """Return whether a matrix consists of one file."""
    return rows <= ROWS_PER_FILE


def keeps_sample(last: SampledMatrix, rows: int) -> bool:
    """Return whether the sample of the last matrix is large enough for one of `rows` rows."""
    if is_one_file(rows):
        return sample_share(rows) <= last.share
    return last.share == 1 or rows * last.share >= SAMPLE / 4


def publish_matrix(coordinates: DataFrame, rows: int, job: MatrixJob) -> SampledMatrix:
    """Write all files.

    Parameters
    ----------
    coordinates
        Key, label and components of all images.
    """
    job = replace(job, share=sample_share(rows))
    files = max(1, math.ceil(rows / ROWS_PER_FILE))
    names = [job.file(number, files) for number in range(files)]
    if rows == 0:
        # Spark runs no task for a table without rows, but readers expect a file with a header.
        return SampledMatrix([write_file(iter(()), names[0], job).file], job.share, [])
    frame = coordinates.select("key", "label", "components")
    spread = frame.repartitionByRange(files, "key") if files > 1 else frame.coalesce(1)
    task = partial(write_partition, names=names, job=job)
    written = assembled(_collect(spread.sortWithinPartitions("key"), task), job.share, expected=rows)
    return replace(written, files=_covering(written.files))


def update_matrix(coordinates: DataFrame, shifts: DataFrame, last: SampledMatrix, job: MatrixJob) -> SampledMatrix:
    """Write the files that contain changed rows, and keep the other files.

    Parameters
    ----------
    coordinates
        Key, label and components of all images.
    shifts
        Key and shift of the images that changed since the last matrix: 1 for a new row, -1 for a removed row, 0 for a
        replaced row.
    """
    growth = _growth_of_ranges(shifts, [file.first_key for file in last.files])
    rows = last.rows + sum(growth.values())
    if is_one_file(rows) or len(growth) > FILES_AT_ONCE or not keeps_sample(last, rows):
        return publish_matrix(coordinates, rows, job) if growth else carry_over(last, job)
    job = replace(job, share=min(last.share, sample_share(rows)))
    sizes = {index: file_sizes(last.files[index].rows + added) for index, added in growth.items()}
    written = _write_ranges(coordinates, last.files, sizes, job)
    return merged(last, set(sizes), assembled(written, job.share, expected=sum(map(sum, sizes.values()))))


def carry_over(last: SampledMatrix, job: MatrixJob) -> SampledMatrix:
    """Publish the last matrix again. A single file is copied, so that the folder of each run is complete."""
    files = []
    for file in last.files:
        name = job.file(0, of=1) if file.file.startswith(RESULTS) else file.file
        if name != file.file:
            job.root.copy(file.file, name)
        files.append(replace(file, file=name))
    return replace(last, files=files)


def _growth_of_ranges(shifts: DataFrame, first_keys: list[str]) -> Counter[int]:
    """Return the number of additional rows of each range with changes."""
    task = partial(_growth_in_partition, first_keys=first_keys)
    growth: Counter[int] = Counter()
    for row in shifts.select("key", "shift").mapInArrow(task, from_arrow_schema(SHIFTS)).collect():
        growth[row.range] += row.shift
    return growth


def _growth_in_partition(batches: Iterable[pa.RecordBatch], first_keys: list[str]) -> Iterator[pa.RecordBatch]:
    growth: Counter[int] = Counter()
    for batch in batches:
        for key, shift in zip(batch["key"].to_pylist(), batch["shift"].to_pylist(), strict=True):
            growth[bisect_right(first_keys, key) - 1] += shift
    yield pa.record_batch([list(growth.keys()), list(growth.values())], schema=SHIFTS)


def file_sizes(rows: int) -> list[int]:
    """Return the sizes of the files of a range: one file, unless it has more than twice the usual size."""
    files = math.ceil(rows / ROWS_PER_FILE) if rows > 2 * ROWS_PER_FILE else min(rows, 1)
    return [rows * (number + 1) // files - rows * number // files for number in range(files)]


def _write_ranges(
    coordinates: DataFrame, files: Sequence[MatrixFile], sizes: dict[int, list[int]], job: MatrixJob
) -> list[WrittenFile]:
    ends: list[str | None] = [*(file.first_key for file in files[1:]), None]
    conditions = {index: _between(files[index].first_key, ends[index]) for index in sizes}
    cases = " ".join(f"WHEN {condition} THEN {index}" for index, condition in conditions.items())
    frame = coordinates.where(" OR ".join(conditions.values())).select(
        "key", "label", "components", expr(f"CASE {cases} END").alias("range")
    )
    numbers = accumulate(map(len, sizes.values()), initial=0)
    first_number = dict(zip(sizes, numbers, strict=False))  # the last number is the total
    task = partial(write_ranges, sizes=sizes, first_number=first_number, job=job)
    return _collect(frame.repartition(len(sizes), "range").sortWithinPartitions("range", "key"), task)


def _collect(frame: DataFrame, task: "partial[Iterator[pa.RecordBatch]]") -> list[WrittenFile]:
    rows = frame.mapInArrow(task, from_arrow_schema(WRITTEN_FILES)).collect()
    return [WrittenFile.from_json(row.written) for row in rows]


def _between(first: str, end: str | None) -> str:
    return f"(key >= {quoted(first)}" + (f" AND key < {quoted(end)})" if end is not None else ")")


def assembled(written: list[WrittenFile], share: float, expected: int) -> SampledMatrix:
    """Combine the files of all tasks, and check that no row is missing."""
    in_order = sorted(written, key=lambda part: part.file.first_key)
    files = [part.file for part in in_order if part.file.rows]
    matrix = SampledMatrix(files, share, [image for part in in_order for image in part.sample])
    if matrix.rows != expected:
        raise RuntimeError(f"{matrix.rows} rows of {expected} were written to the matrix of {matrix.files}")
    return matrix


def merged(last: SampledMatrix, ranges: set[int], written: SampledMatrix) -> SampledMatrix:
    """Replace the files of some ranges."""
    kept = [file for index, file in enumerate(last.files) if index not in ranges]
    first_keys = [file.first_key for file in last.files]
    sample = [
        image
        for image in last.sample
        if bisect_right(first_keys, image.key) - 1 not in ranges and key_hash(image.key) < written.share
    ]
    return SampledMatrix(
        _covering(sorted([*kept, *written.files], key=lambda file: file.first_key)),
        written.share,
        sorted([*sample, *written.sample], key=lambda image: image.key),
    )


def _covering(files: list[MatrixFile]) -> list[MatrixFile]:
    """Let the first range begin before all keys."""
    return [replace(file, first_key="") if index == 0 else file for index, file in enumerate(files)]
