"""The matrix after a small change: its files are rewritten line by line, and no unchanged row is read from a table.

A file of the matrix is sorted by key, and a line of it depends on its row only. So the lines of unchanged rows stay as
they are, as long as the basis does.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from contract.summary import MatrixFile
from spark_app.arrow import matrix_schema, to_matrix
from spark_app.csv_files import as_text, first_cells, lines_of
from spark_app.keys import key_hash
from spark_app.report.data import SampledImage
from spark_app.stages.matrix import (
    SampledMatrix,
    assembled,
    file_sizes,
    is_one_file,
    keeps_sample,
    merged,
    sample_share,
)
from spark_app.stages.matrix_files import MatrixJob, WrittenFile, sampled

BYTES_AT_MOST = 150_000_000
"""Size of the files that the driver rewrites, one after the other. The workers write larger ones from the table."""


class _NotPatchableError(Exception):
    """The lines of a file do not tell which rows they are."""


@dataclass(frozen=True)
class _Patch:
    """The changes of one file."""

    lines: dict[str, bytes]
    """New lines by key: of new and replaced rows."""
    gone: set[str]
    """Keys of rows that are removed."""
    sample: list[SampledImage]
    """Sampled images of the file after the change, in the order of the keys."""


def patch_matrix(rows: pa.Table, count: int, last: SampledMatrix, job: MatrixJob) -> SampledMatrix | None:
    """Write the files that contain changed rows, and keep the other files.

    Parameters
    ----------
    rows
        Key, label and components of the rows that changed since the last matrix, one per key; the components of
        removed rows are null.
    count
        Number of rows of the new matrix.
    last
        The last matrix, of the same basis. Its files are intact.

    Returns
    -------
    SampledMatrix or None
        `None` if the matrix must be made from the table.
    """
    touched = _by_file(rows, last)
    size = sum(digest.size if (digest := last.files[index].digest) else BYTES_AT_MOST + 1 for index in touched)
    has_one_file = len(last.files) == 1
    if size > BYTES_AT_MOST or count == 0 or (is_one_file(count) and not has_one_file) or not keeps_sample(last, count):
        return None
    job = replace(job, share=min(last.share, sample_share(count)))
    written: list[WrittenFile] = []
    try:
        for index, places in touched.items():
            patch = _patch_of(rows.take(places), _sample_of(last, index), job)
            written += _rewritten(last.files[index], patch, job, len(written), 1 if is_one_file(count) else 2)
    except _NotPatchableError:
        return None
    kept = sum(file.rows for index, file in enumerate(last.files) if index not in touched)
    return merged(last, set(touched), assembled(written, job.share, expected=count - kept))


def _by_file(rows: pa.Table, last: SampledMatrix) -> dict[int, list[int]]:
    """Return the numbers of the rows by the file that they belong to."""
    first_keys = [file.first_key for file in last.files]
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for number, key in enumerate(rows["key"].to_pylist()):
        numbers[bisect_right(first_keys, key) - 1].append(number)
    return dict(sorted(numbers.items()))


def _sample_of(last: SampledMatrix, index: int) -> list[SampledImage]:
    first_keys = [file.first_key for file in last.files]
    return [image for image in last.sample if bisect_right(first_keys, image.key) - 1 == index]


def _patch_of(rows: pa.Table, sample: list[SampledImage], job: MatrixJob) -> _Patch:
    if not rows["key"].combine_chunks().equals(as_text(rows["key"].combine_chunks())):
        raise _NotPatchableError
    keys = set(rows["key"].to_pylist())
    present = rows.filter(rows["components"].is_valid()).combine_chunks()
    lines: dict[str, bytes] = {}
    kept = [image for image in sample if image.key not in keys and key_hash(image.key) < job.share]
    for batch in present.to_batches():
        coordinates = to_matrix(batch["components"], job.k)
        columns = [batch["key"], batch["label"], *(pa.array(coordinates[:, i]) for i in range(job.k))]
        lines |= zip(batch["key"].to_pylist(), lines_of(columns, matrix_schema(job.k)), strict=True)
        kept += sampled(batch, coordinates, job.share)
    return _Patch(lines, keys - lines.keys(), sorted(kept, key=lambda image: image.key))


def _rewritten(file: MatrixFile, patch: _Patch, job: MatrixJob, first_number: int, of: int) -> Iterator[WrittenFile]:
    """Write the changed rows of a file and its other rows, to one file or, if they are many, to several."""
    header, keys, lines = _read(file, job)
    for key in patch.gone | patch.lines.keys():
        place = bisect_left(keys, key)
        replaced = slice(place, place + 1) if place < len(keys) and keys[place] == key else slice(place, place)
        is_new = key in patch.lines
        keys[replaced] = [key] if is_new else []
        lines[replaced] = [patch.lines[key]] if is_new else []
    rows, images = iter(zip(keys, lines, strict=True)), patch.sample
    for number, size in enumerate(file_sizes(len(lines)), start=first_number):
        piece = list(islice(rows, size))
        if not piece:
            continue
        first, end = piece[0][0], piece[-1][0]
        name = job.file(number, of)
        with job.root.open_writer(name) as sink:
            sink.write(b"\n".join([header, *(line for _, line in piece), b""]))
            digest = sink.digest()
        sample = [image for image in images if first <= image.key <= end]
        yield WrittenFile(MatrixFile(file=name, first_key=first, rows=size, digest=digest), sample)


def _read(file: MatrixFile, job: MatrixJob) -> tuple[bytes, list[str], list[bytes]]:
    """Return the header of a file, and the keys and the lines of its rows."""
    body = job.root.read(file.file) or b""
    header, *lines, end = body.split(b"\n")
    cells = first_cells(body)
    # An apostrophe at the begin may belong to the key, or may have been put before a formula.
    if end or not len(cells) == len(lines) == file.rows or pc.any(pc.starts_with(cells, "'")).as_py():
        raise _NotPatchableError
    return header, cells.to_pylist(), lines
