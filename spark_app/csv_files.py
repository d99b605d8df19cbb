"""CSV files that one task writes to the storage, without passing the rows through the driver."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.csv as pa_csv

from spark_app.storage import Storage


def write_csv(batches: Iterable[list[pa.Array]], schema: pa.Schema, root: Storage, key: str) -> int:
    """Write a file with a header, and return its number of rows. The file appears when it is complete.

    Parameters
    ----------
    batches
        Columns of consecutive groups of rows.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    written = 0
    with root.open_writer(key) as sink, pa_csv.CSVWriter(sink, schema) as writer:
        for columns in batches:
            writer.write_batch(pa.record_batch(columns, schema=schema))
            written += len(columns[0])
    return written
