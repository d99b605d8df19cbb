"""CSV files that one task writes to the storage, without passing the rows through the driver."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from contract.summary import Digest
from spark_app.storage import Storage

FORMULA = "^([=+\\-@\t\r\uff1d\uff0b\uff0d\uff20])"
"""Begin of a text that a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection."""


def as_text(column: pa.Array) -> pa.Array:
    """Put an apostrophe before each text that a spreadsheet would take for a formula."""
    return pc.replace_substring_regex(column, FORMULA, r"'\1") if pa.types.is_string(column.type) else column


def texts_of(cell: str) -> list[str]:
    """Return the texts that `as_text` may have made a cell of: an apostrophe may be part of the text itself."""
    return [cell, cell[1:]] if re.match(f"'{FORMULA[1:]}", cell) else [cell]


@dataclass(frozen=True)
class WrittenCsv:
    """A complete CSV file."""

    rows: int
    """Number of rows without the header."""
    digest: Digest


def write_csv(batches: Iterable[list[pa.Array]], schema: pa.Schema, root: Storage, key: str) -> WrittenCsv:
    """Write a file with a header. The file appears when it is complete.

    Texts that a spreadsheet would take for a formula get an apostrophe: any uploader chooses the names of files.

    Parameters
    ----------
    batches
        Columns of consecutive groups of rows.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    rows = 0
    with root.open_writer(key) as sink:
        with pa_csv.CSVWriter(sink, schema) as writer:
            for columns in batches:
                writer.write_batch(pa.record_batch(list(map(as_text, columns)), schema=schema))
                rows += len(columns[0])
        return WrittenCsv(rows, sink.digest())
