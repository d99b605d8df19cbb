"""The current rows of Parquet files, in the order of the keys, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cli.table_files import DataFile, damage_of
from spark_app.errors import StorageError

ROWS_AT_ONCE = 4096
"""Rows of one piece: 20 MB of features."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Order:
    """Where each row is, in the order of the keys: the number of its file, and its position in the file."""

    file: Integers
    position: Integers


@dataclass(frozen=True)
class TableRows:
    """The rows that are not deleted. In memory are their keys, and the columns of one piece of rows."""

    schema: pa.Schema
    """Columns of the table, among them the key. Those that a file of an earlier version lacks are null."""
    files: Sequence[DataFile]
    content: int | None
    """Id of the rows; `None` for no rows."""

    def __len__(self) -> int:
        return len(self._order.file)

    def pieces(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows in the order of the keys, as that of the matrix, with some columns of the schema.

        Raises
        ------
        StorageError
            If a file is damaged, or if a key has several rows.
        """
        schema = _columns_of(self.schema, columns)
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
                "A table has several rows of one image. `fruits run --mode reprocess` computes it again."
            )
        rank = order.to_numpy()
        return _Order(np.concatenate(files)[rank], np.concatenate(positions)[rank])

    def _piece(self, rows: slice, schema: pa.Schema) -> pa.Table:
        files, positions = self._order.file[rows], self._order.position[rows]
        tables, places = [], []
        for number in np.unique(files):
            here = np.flatnonzero(files == number)
            tables.append(rows_at(self.files[number], positions[here], schema))
            places.append(here)
        return pa.concat_tables(tables).take(np.argsort(np.concatenate(places))).combine_chunks()


@dataclass(frozen=True)
class Block:
    """Consecutive rows of one file, as they are stored, and which of them count."""

    number: int
    """Number of the file among those of the table."""
    start: int
    """Position of the first row in the file."""
    rows: pa.Table
    is_current: npt.NDArray[np.bool_]
    """Whether each row counts: it was neither deleted nor replaced."""


def blocks(files: Sequence[DataFile], schema: pa.Schema) -> Iterator[Block]:
    """Yield the rows of files in the order in which they are stored, at most `ROWS_AT_ONCE` at a time.

    This is the fastest way to look at every row once. A column that a file lacks is null.

    Raises
    ------
    StorageError
        If a file is damaged.
    """
    for number, file in enumerate(files):
        with damage_of(str(file.path)), pq.ParquetFile(file.path) as parquet:
            is_current, start = _is_current(file, parquet.metadata.num_rows), 0
            for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=_present(parquet, schema)):
                stop = start + len(batch)
                yield Block(number, start, _in_columns(pa.table(batch), schema), is_current[start:stop])
                start = stop


def rows_at(file: DataFile, positions: Integers, schema: pa.Schema) -> pa.Table:
    """Read rows of a file by their positions, and only the row groups that contain them.

    Raises
    ------
    StorageError
        If the file is damaged.
    """
    with damage_of(str(file.path)), pq.ParquetFile(file.path) as parquet:
        groups = [parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups)]
        ends = np.cumsum(groups)
        group = np.searchsorted(ends, positions, side="right")
        read, place = np.unique(group, return_inverse=True)
        sizes = np.array(groups)[read]
        within = positions - (ends - groups)[group] + (np.cumsum(sizes) - sizes)[place]
        table = parquet.read_row_groups(read.tolist(), columns=_present(parquet, schema), use_threads=False)
        return _in_columns(table.take(within), schema)


def _current_keys(file: DataFile) -> tuple[pa.LargeStringArray, Integers]:
    """Return the keys of the rows of a file that are not deleted, and the positions of these rows."""
    with damage_of(str(file.path)):
        column = pq.ParquetFile(file.path).read(columns=["key"])["key"].cast(pa.large_string())
        positions = np.flatnonzero(_is_current(file, len(column)))
        return pa.concat_arrays(column.take(positions).chunks or [pa.array([], pa.large_string())]), positions


def _is_current(file: DataFile, rows: int) -> npt.NDArray[np.bool_]:
    is_current = np.ones(rows, bool)
    is_current[file.deleted] = False
    return is_current


def _columns_of(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in names])


def _present(parquet: pq.ParquetFile, schema: pa.Schema) -> list[str]:
    """Return the columns that a file has. A table of an earlier version may lack some, and so may its files."""
    in_file = set(parquet.schema_arrow.names)
    return [name for name in schema.names if name in in_file]


def _in_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema, with nulls for those that a table lacks."""
    columns = (
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    )
    return pa.table(list(columns), schema=schema)
