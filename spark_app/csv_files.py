"""CSV files that one task writes to the storage, without passing the rows through the driver."""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from contract.digest import Digest
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


def lines_of(columns: list[pa.Array], schema: pa.Schema) -> list[bytes]:
    """Return the lines that `write_csv` writes for some rows. No text may contain a line feed."""
    buffer = io.BytesIO()
    with pa_csv.CSVWriter(buffer, schema, write_options=pa_csv.WriteOptions(include_header=False)) as writer:
        writer.write_batch(pa.record_batch(list(map(as_text, columns)), schema=schema))
    return buffer.getvalue().split(b"\n")[:-1]


def first_cells(body: bytes) -> pa.ChunkedArray:
    """Return the first cell of each row of a file that `write_csv` has written."""
    name = pa_csv.open_csv(io.BytesIO(body)).schema.names[0]
    options = pa_csv.ConvertOptions(include_columns=[name], column_types={name: pa.string()}, strings_can_be_null=False)
    return pa_csv.read_csv(io.BytesIO(body), convert_options=options)[name]


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
