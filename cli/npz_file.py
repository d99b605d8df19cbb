"""An ``.npz`` archive of NumPy that is written in pieces, from rows that do not fit in memory."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from cli.table_rows import TableRows
from spark_app.arrow import to_matrix

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Time of the members of an archive: the same rows make the same bytes."""


class NpzFile:
    """An archive that is being written. `np.load` reads it without pickle.

    Parameters
    ----------
    path
        File to write. An existing file is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path, "w")

    def __enter__(self) -> Self:
        """Return the archive."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the archive."""
        self._archive.close()

    def write_texts(self, name: str, rows: TableRows, column: str) -> None:
        """Write texts as an array of fixed width. Missing texts are empty."""
        lengths = (pc.max(pc.utf8_length(piece[column])).as_py() or 0 for piece in rows.pieces([column]))
        dtype = np.dtype((np.str_, max(lengths, default=0) or 1))
        with self._member(name, (len(rows),), dtype) as member:
            for piece in rows.pieces([column]):
                texts = pc.fill_null(piece[column], "").to_pylist()
                member.write(np.array(texts, dtype).tobytes())

    def write_vectors(self, name: str, rows: TableRows, column: str, width: int) -> None:
        """Write lists of `width` numbers as a float32 matrix of shape (len(rows), width)."""
        with self._member(name, (len(rows), width), np.dtype(np.float32)) as member:
            for piece in rows.pieces([column]):
                member.write(to_matrix(piece[column].combine_chunks(), width).tobytes())

    def write_array(self, name: str, array: npt.NDArray[np.float64]) -> None:
        """Write an array that is in memory."""
        with self._member(name, array.shape, array.dtype) as member:
            member.write(np.ascontiguousarray(array).tobytes())

    @contextmanager
    def _member(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Iterator[IO[bytes]]:
        """Open an array of the archive, whose bytes the body writes."""
        info = zipfile.ZipInfo(f"{name}.npy", LONG_AGO)
        with self._archive.open(info, "w", force_zip64=True) as member:
            header = {"shape": shape, "fortran_order": False, "descr": np.lib.format.dtype_to_descr(np.dtype(dtype))}
            np.lib.format.write_array_header_1_0(member, header)
            yield member
