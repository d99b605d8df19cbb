"""The current rows of Parquet files, in the order of the keys, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cli.feature_table import DataFile, damage_of
from spark_app.errors import StorageError

ROWS_AT_ONCE = 4096
"""Rows of one piece: 20 MB of features."""

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("label", pa.string()),
        ("etag", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("model_id", pa.string()),
        ("features", pa.list_(pa.float32())),
    ]
)

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Order:
    """Where each row is, in the order of the keys: the number of its file, and its position in the file."""

    file: Integers
    position: Integers


@dataclass(frozen=True)
class FeatureRows:
    """The rows that are not deleted. In memory are their keys, and the columns of one piece of rows."""

    files: Sequence[DataFile]
    content: int | None
    """Id of the rows; `None` for no rows."""

    def __len__(self) -> int:
        return len(self._order.file)

    def pieces(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows in the order of the keys, as that of the matrix, with some columns of `SCHEMA`.

        Raises
        ------
        StorageError
            If a file is damaged, or if a key has several rows.
        """
        schema = pa.schema([SCHEMA.field(name) for name in columns])
        for start in range(0, len(self), ROWS_AT_ONCE):
            yield self._piece(slice(start, start + ROWS_AT_ONCE), schema)

    @cached_property
    def _order(self) -> _Order:
        keys, files, positions = [], [], []
        for number, file in enumerate(self.files):
            found, alive = _current_keys(file)
            keys.append(found)
            files.append(np.full(len(alive), number, np.int64))
            positions.append(alive)
        if not keys:
            return _Order(np.empty(0, np.int64), np.empty(0, np.int64))
        # Arrow compares the bytes of texts, as Spark does.
        column = pa.concat_arrays(keys)
        order = pc.sort_indices(column)
        in_order = column.take(order)
        if len(column) > 1 and pc.any(pc.equal(in_order[1:], in_order[:-1])).as_py():
            raise StorageError(
                "The table features has several rows of one image. `fruits run --mode reprocess` computes it again."
            )
        rank = order.to_numpy()
        return _Order(np.concatenate(files)[rank], np.concatenate(positions)[rank])

    def _piece(self, rows: slice, schema: pa.Schema) -> pa.Table:
        files, positions = self._order.file[rows], self._order.position[rows]
        tables, places = [], []
        for number in np.unique(files):
            here = np.flatnonzero(files == number)
            tables.append(_rows_at(self.files[number], positions[here], schema))
            places.append(here)
        return pa.concat_tables(tables).take(np.argsort(np.concatenate(places))).combine_chunks()


def _current_keys(file: DataFile) -> tuple[pa.LargeStringArray, Integers]:
    """Return the keys of the rows of a file that are not deleted, and the positions of these rows."""
    with damage_of(str(file.path)):
        column = pq.ParquetFile(file.path).read(columns=["key"])["key"].cast(pa.large_string())
        is_current = np.ones(len(column), bool)
        is_current[file.deleted] = False
        positions = np.flatnonzero(is_current)
        return pa.concat_arrays(column.take(positions).chunks or [pa.array([], pa.large_string())]), positions


def _rows_at(file: DataFile, positions: Integers, schema: pa.Schema) -> pa.Table:
    """Read rows of a file by their positions, and only the row groups that contain them."""
    with damage_of(str(file.path)), pq.ParquetFile(file.path) as parquet:
        groups = [parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups)]
        ends = np.cumsum(groups)
        group = np.searchsorted(ends, positions, side="right")
        read, place = np.unique(group, return_inverse=True)
        sizes = np.array(groups)[read]
        within = positions - (ends - groups)[group] + (np.cumsum(sizes) - sizes)[place]
        table = parquet.read_row_groups(read.tolist(), columns=schema.names, use_threads=False)
        return table.select(schema.names).take(within).cast(schema)
