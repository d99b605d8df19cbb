"""The files of an Iceberg table, found in its metadata, without Spark. No other module uses `pyiceberg`."""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import FileIO, InputFile, InputStream
from pyiceberg.manifest import DataFileContent
from pyiceberg.table import FileScanTask, StaticTable
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil

from contract.layout import fault_of
from contract.tables import CONTENT, Table
from spark_app.errors import FruitsError, StorageError

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TableFolder:
    """Access to the folder of a table, wherever it is: names are paths below it.

    Attributes
    ----------
    table
        Which table it is.
    metadata
        The current metadata of the table, a JSON document.
    read
        Returns the content of a small file.
    fetch
        Returns a folder on this machine that contains the named files.
    """

    table: Table
    metadata: bytes
    read: Callable[[str], bytes]
    fetch: Callable[[list[str]], Path]


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of the table, and the positions of its rows that were deleted or replaced."""

    path: Path
    deleted: Positions


def data_files(folder: TableFolder, content: int | None) -> list[DataFile] | None:
    """Return the files of the rows that a run has left.

    Parameters
    ----------
    content
        Id of the rows, from the summary of the run; `None` if it left no rows.

    Returns
    -------
    list of DataFile or None
        `None` if the table no longer has these rows.

    Raises
    ------
    StorageError
        If the table is damaged.
    """
    if content is None:
        return []
    with damage_of(f"the metadata of the table {folder.table}"):
        metadata = TableMetadataUtil.parse_raw(folder.metadata.decode())
        snapshot = _snapshot_of(metadata, content)
        if snapshot is None:
            return None
        files = _TableFiles(folder.table, metadata.location, folder.read)
        table = StaticTable((folder.table,), metadata, "", files, NoopCatalog("files"))
        tasks = list(table.scan(snapshot_id=snapshot).plan_files())
        deletions = {file.file_path for task in tasks for file in task.delete_files}
        _check_deletions(tasks)
    local = folder.fetch([files.name_of(path) for path in (*(task.file.file_path for task in tasks), *deletions)])
    deleted = _deleted_positions(local / files.name_of(path) for path in sorted(deletions))
    nothing = np.empty(0, np.int64)
    paths = sorted(task.file.file_path for task in tasks)
    return [DataFile(local / files.name_of(path), deleted.get(path, nothing)) for path in paths]


@contextmanager
def damage_of(what: str) -> Iterator[None]:
    """Turn whatever a library raises when it reads damaged files into a sentence.

    Raises
    ------
    StorageError
        If the body raises an error that is not one of this package.
    """
    try:
        yield
    except FruitsError:
        raise
    except Exception as error:  # damaged bytes make the decoders of JSON, Avro and Parquet raise almost anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StorageError(
            f"Can't read {what}, which is missing or damaged ({reason}). "
            "A run in --mode reprocess computes the table again."
        ) from error


def _snapshot_of(metadata: TableMetadata, content: int) -> int | None:
    """Return the id of the newest snapshot with the given rows: a compaction makes another snapshot of them."""
    for snapshot in reversed(metadata.snapshots):
        first = snapshot.summary[CONTENT] if snapshot.summary else None
        if int(first or snapshot.snapshot_id) == content:
            return snapshot.snapshot_id
    return None


def _check_deletions(tasks: Iterable[FileScanTask]) -> None:
    """Check that the table says in Parquet files of positions which rows are deleted, as the pipeline writes it."""
    for task in tasks:
        for file in task.delete_files:
            if file.content != DataFileContent.POSITION_DELETES or not file.file_path.endswith(".parquet"):
                raise ValueError(f"{file.file_path} is no list of deleted rows that this version can read")


def _deleted_positions(files: Iterable[Path]) -> dict[str, Positions]:
    """Return the positions of deleted rows by the path of the data file, as Iceberg writes it."""
    tables = []
    for file in files:
        with damage_of(str(file)):
            tables.append(pq.read_table(file, columns=["file_path", "pos"], partitioning=None))
    if not tables:
        return {}
    table = pa.concat_tables(tables)
    paths = pc.unique(table["file_path"]).to_pylist()
    return {path: table.filter(pc.field("file_path") == path)["pos"].to_numpy() for path in paths}


class _TableFiles(FileIO):
    """Iceberg's access to the metadata: its absolute paths become names below the folder, wherever that is now."""

    def __init__(self, table: Table, location: str, read: Callable[[str], bytes]) -> None:
        super().__init__()
        self._table = table
        self._base = f"{location.rstrip('/')}/"
        self._read = read

    def name_of(self, location: str) -> str:
        """Return the name of a file below the folder of the table."""
        name = location.removeprefix(self._base)
        if name == location or fault_of(name):
            raise StorageError(f"The table {self._table} refers to {location}, which does not lie in its folder.")
        return name

    def new_input(self, location: str) -> InputFile:
        return _File(location, self._read(self.name_of(location)))

    def new_output(self, location: str) -> NoReturn:
        raise NotImplementedError(f"{location}: the table is only read")

    def delete(self, location: object) -> NoReturn:
        raise NotImplementedError(f"{location}: the table is only read")


class _File(InputFile):
    def __init__(self, location: str, body: bytes) -> None:
        super().__init__(location)
        self._body = body

    def __len__(self) -> int:
        return len(self._body)

    def exists(self) -> bool:
        return True

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002, FBT001, FBT002 -- as Iceberg defines it
        return io.BytesIO(self._body)
