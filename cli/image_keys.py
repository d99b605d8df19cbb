"""Where the images of a table are, by their keys."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cli.table_files import DataFile
from cli.table_rows import blocks, rows_at

KEY = pa.schema([("key", pa.string())])


def all_keys(files: Sequence[DataFile]) -> list[str]:
    """Return the keys of all images, in no particular order."""
    return [
        key for block in blocks(files, KEY) for key in block.rows["key"].filter(pa.array(block.is_current)).to_pylist()
    ]


def images_with(files: Sequence[DataFile], keys: Sequence[str], schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """Return the rows of some images by their keys. Keys without a row are left out.

    Parameters
    ----------
    schema
        Columns to read, among them the key.

    Raises
    ------
    StorageError
        If a file is damaged.
    """
    return {row["key"]: row for row in _rows_with(files, keys, schema)}


def _rows_with(files: Sequence[DataFile], keys: Sequence[str], schema: pa.Schema) -> Iterator[dict[str, Any]]:
    wanted = pa.array(keys, pa.string())
    for block in blocks(files, KEY):
        found = np.flatnonzero(pc.is_in(block.rows["key"], wanted).to_numpy() & block.is_current)
        if len(found):
            yield from rows_at(files[block.number], found + block.start, schema).to_pylist()
