"""Files of the matrix: CSV, Parquet, an ``.npz`` archive of NumPy, and Parquet for Embedding Atlas."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cli.last_results import LastResults
from cli.matrix_rows import MatrixPiece, MatrixRows
from cli.npz_file import NpzFile
from contract.digest import Digest
from contract.summary import MatrixFile
from spark_app.arrow import matrix_schema, to_lists
from spark_app.errors import StorageError

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""A picture in a table, as Embedding Atlas and the libraries of Hugging Face have it."""

ATLAS = pa.schema(
    [
        ("key", pa.string()),
        ("label", pa.string()),
        ("x", pa.float32()),
        ("y", pa.float32()),
        ("components", pa.list_(pa.float32())),
        ("image", IMAGE),
    ]
)
"""Columns for Embedding Atlas: https://apple.github.io/embedding-atlas/data-formats.html."""


def write_csv(matrix: MatrixRows, path: Path) -> None:
    """Write the files of the matrix one after the other, with one header.

    Raises
    ------
    StorageError
        If a file is missing or damaged.
    """
    with path.open("wb") as file:
        for number, part in enumerate(matrix.results.summary.matrix):
            body = _body_of(part, matrix.results)
            start = 0 if number == 0 else body.index(b"\n") + 1
            file.write(memoryview(body)[start:])


def _body_of(part: MatrixFile, results: LastResults) -> bytes:
    body = results.with_files([part.file]).read(part.file)
    if body is None or (part.digest is not None and Digest.of(body) != part.digest):
        raise StorageError(
            f"{part.file} in {results.place} is missing or damaged: the next run makes it again. The formats but csv "
            "do not need it."
        )
    return body


def write_parquet(matrix: MatrixRows, path: Path) -> None:
    """Write the columns key, label and pc_1 to pc_k."""
    schema = matrix_schema(matrix.k)

    def columns(piece: MatrixPiece) -> list[pa.Array]:
        return [piece.keys, piece.labels, *map(piece.coordinate, range(matrix.k))]

    _write_tables((pa.table(columns(piece), schema=schema) for piece in matrix.pieces()), schema, path)


def write_npz(matrix: MatrixRows, path: Path) -> None:
    """Write the arrays keys, labels, components, and the variances along the components."""
    basis = matrix.results.basis()
    with NpzFile(path) as archive:
        archive.write_texts("keys", matrix.rows, "key")
        archive.write_texts("labels", matrix.rows, "label")
        archive.write_vectors("components", matrix.rows, "components", matrix.k)
        if basis is not None:
            archive.write_array("explained_variance", basis.explained_variance)
            archive.write_array("explained_variance_ratio", basis.explained_variance_ratio)


def write_atlas(matrix: MatrixRows, path: Path) -> None:
    """Write the columns of `ATLAS`: the first two components are x and y."""
    _write_tables(map(_for_atlas, matrix.pictured_pieces()), ATLAS, path)


def _for_atlas(piece: MatrixPiece) -> pa.Table:
    pictures = piece.thumbnails
    images = pa.StructArray.from_arrays([pictures, piece.keys], fields=list(IMAGE), mask=pictures.is_null())
    x, y = piece.coordinate(0), piece.coordinate(1)
    return pa.table([piece.keys, piece.labels, x, y, to_lists(piece.coordinates), images], schema=ATLAS)


def _write_tables(tables: Iterator[pa.Table], schema: pa.Schema, path: Path) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["label"]) as writer:
        for table in tables:
            writer.write_table(table)


WRITERS: dict[str, Callable[[MatrixRows, Path], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "npz": write_npz,
    "atlas": write_atlas,
}
"""Name of a format that is one file → function that writes it."""
