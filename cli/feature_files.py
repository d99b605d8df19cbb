"""Files of features: Parquet, or an ``.npz`` archive of NumPy. A file appears when it is complete."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cli.npz_file import NpzFile
from cli.table_rows import TableRows
from cli.written_files import check_new_file, complete
from spark_app.errors import UsageError
from spark_app.settings import FEATURE_COUNT

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

CONTENT = b"fruits.content"
"""Entry of the metadata of a Parquet file: the id of its rows."""


def check_target(path: Path, *, may_replace: bool) -> None:
    """Check that a file of features can be written.

    Raises
    ------
    UsageError
        If the ending is not one of `WRITERS`, if the folder does not exist, or if the file exists.
    """
    if path.suffix.lower() not in WRITERS:
        raise UsageError(f"The name of the file must end in {' or '.join(WRITERS)}, not {path.name!r}.")
    check_new_file(path, may_replace=may_replace)


def write_features(rows: TableRows, path: Path) -> None:
    """Write rows to a file in the format of its ending, or nothing if that fails.

    Raises
    ------
    OutputError
        If the file can't be written.
    StorageError
        If the table is damaged.
    """
    with complete(path) as partial:
        WRITERS[path.suffix.lower()](rows, partial)


def content_of(path: Path) -> int | None:
    """Return the id of the rows of a Parquet file that `write_features` has written; `None` for any other file."""
    try:
        return int((pq.read_schema(path).metadata or {})[CONTENT])
    except (OSError, ValueError, KeyError):
        return None


def _write_parquet(rows: TableRows, path: Path) -> None:
    names = [name for name in SCHEMA.names if name not in {"key", "etag", "features"}]
    schema = SCHEMA.with_metadata({CONTENT: str(rows.content)})
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=names) as writer:
        for piece in rows.pieces(SCHEMA.names):
            writer.write_table(piece.cast(schema))


def _write_npz(rows: TableRows, path: Path) -> None:
    with NpzFile(path) as archive:
        archive.write_texts("keys", rows, "key")
        archive.write_texts("labels", rows, "label")
        archive.write_vectors("features", rows, "features", FEATURE_COUNT)


WRITERS: dict[str, Callable[[TableRows, Path], None]] = {".parquet": _write_parquet, ".npz": _write_npz}
"""Ending of a file, in lower case → function that writes rows to it."""
