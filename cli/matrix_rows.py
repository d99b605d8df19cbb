"""The rows of the matrix of the last complete results, with the thumbnails of the images, in the order of the keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from cli.last_results import LastResults
from cli.table_rows import TableRows
from cli.thumbnails import SCHEMA as THUMBNAILS
from contract.tables import Table
from spark_app.arrow import FloatMatrix, to_matrix
from spark_app.errors import StorageError

SCHEMA = pa.schema([("key", pa.string()), ("label", pa.string()), ("components", pa.list_(pa.float32()))])


@dataclass(frozen=True, eq=False)
class MatrixPiece:
    """Consecutive rows of the matrix."""

    keys: pa.Array
    labels: pa.Array
    coordinates: FloatMatrix
    """Shape (n, k)."""
    thumbnails: pa.Array
    """WebP files; nulls for images without one, and if they were not asked for."""

    def coordinate(self, number: int) -> pa.Array:
        """Return the coordinates along a component, counted from 0; zeros if there is no such component."""
        n, k = self.coordinates.shape
        return pa.array(self.coordinates[:, number] if number < k else np.zeros(n, np.float32))


@dataclass(frozen=True)
class MatrixRows:
    """The rows of the matrix, in bounded memory."""

    results: LastResults

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def k(self) -> int:
        """Number of components."""
        pca = self.results.summary.pca
        return pca.components if pca else 0

    @cached_property
    def rows(self) -> TableRows:
        """The rows of the table of components."""
        return self._rows_of(Table.COMPONENTS, SCHEMA)

    def pieces(self) -> Iterator[MatrixPiece]:
        """Yield the rows without thumbnails.

        Raises
        ------
        StorageError
            If the table is damaged.
        """
        for piece in self.rows.pieces(SCHEMA.names):
            yield self._piece(piece, pa.nulls(len(piece), pa.binary()))

    def pictured_pieces(self) -> Iterator[MatrixPiece]:
        """Yield the rows with thumbnails.

        Raises
        ------
        StorageError
            If a table is damaged, or if the two tables have different images.
        """
        pictures = self._rows_of(Table.FEATURES, THUMBNAILS)
        if len(pictures) != len(self):
            raise StorageError(_DIFFERENT)
        for piece, pictured in zip(self.rows.pieces(SCHEMA.names), pictures.pieces(THUMBNAILS.names), strict=True):
            if piece["key"] != pictured["key"]:
                raise StorageError(_DIFFERENT)
            yield self._piece(piece, pictured["thumbnail"].combine_chunks())

    def _rows_of(self, table: Table, schema: pa.Schema) -> TableRows:
        content = getattr(self.results.summary.snapshots, table)
        return TableRows(schema, self.results.data_files(table), content)

    def _piece(self, piece: pa.Table, thumbnails: pa.Array) -> MatrixPiece:
        keys, labels, vectors = (piece[name].combine_chunks() for name in SCHEMA.names)
        return MatrixPiece(keys, labels, to_matrix(vectors, self.k), thumbnails)


_DIFFERENT = (
    "The tables of features and of components have different images. `fruits run --mode reprocess` computes them again."
)
