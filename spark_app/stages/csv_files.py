"""CSV files, written by one task each, straight to the storage."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.csv as pa_csv

from spark_app.storage import Storage

WRITTEN = pa.schema([("rows", pa.int64())])


def write_csv(rows: Iterable[list[pa.Array]], schema: pa.Schema, root: Storage, key: str) -> int:
    """Write a file with a header; it appears when it is complete.

    Parameters
    ----------
    rows
        Columns of any number of rows, again and again.
    schema
        Names and types of the columns.
    root, key
        Where to write.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    written = 0
    with root.open_writer(key) as sink, pa_csv.CSVWriter(sink, schema) as writer:
        for columns in rows:
            writer.write_batch(pa.record_batch(columns, schema=schema))
            written += len(columns[0])
    return written
