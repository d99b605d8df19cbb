"""Results of rows that a test makes, with thumbnails, in files like those of the tables."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cli.last_results import LastResults
from cli.matrix_rows import SCHEMA
from cli.table_files import DataFile
from cli.thumbnails import SCHEMA as THUMBNAILS
from contract.summary import Summary
from contract.tables import Table
from spark_app.arrow import to_lists
from spark_app.storage import Storage


@dataclass(frozen=True)
class MadeResults(LastResults):
    """Results whose tables have known files."""

    files: dict[Table, list[DataFile]]

    def data_files(self, table: Table) -> list[DataFile]:
        """Return the files of a table."""
        return self.files[table]


def make_results(
    folder: Path, summary: Summary, keys: Sequence[str], colours: Sequence[str | None], k: int = 3
) -> tuple[MadeResults, np.ndarray]:
    """Write rows whose thumbnails are of one colour, or null, and return the results and the coordinates.

    The labels are the folders of the keys. The table of features has its rows in reverse order, and lacks the column
    of thumbnails if no row has one.
    """
    assert summary.pca is not None
    coordinates = np.random.default_rng(0).normal(size=(len(keys), k)).astype(np.float32)
    labels = [key.rpartition("/")[0] or None for key in keys]
    pq.write_table(pa.table([keys, labels, to_lists(coordinates)], schema=SCHEMA), folder / "components.parquet")
    features = pa.table([keys, [colour and _webp(colour) for colour in colours]], schema=THUMBNAILS)[::-1]
    columns = THUMBNAILS.names if any(colours) else ["key"]
    pq.write_table(features.select(columns), folder / "features.parquet")
    files = {table: [DataFile(folder / f"{table}.parquet", np.empty(0, np.int64))] for table in Table}
    made = replace(summary, pca=replace(summary.pca, components=k), pca_version=None)
    root = Storage(folder.as_uri())
    return MadeResults(made, "here", "", lambda _: root, lambda _: None, files), coordinates  # type: ignore[arg-type]


def _webp(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (48, 48), colour).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()
