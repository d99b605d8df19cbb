"""Files of features: Parquet, or an ``.npz`` archive of NumPy. A file appears when it is complete."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cli.feature_rows import SCHEMA, FeatureRows
from spark_app.arrow import features_matrix
from spark_app.errors import OutputError, UsageError
from spark_app.scratch import PARTIAL, scratch_folder
from spark_app.settings import FEATURE_COUNT

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Time of the members of an archive: the same rows make the same bytes."""


CONTENT = b"fruits.content"
"""Entry of the metadata of a Parquet file: the id of its rows."""


def check_target(path: Path, *, may_replace: bool) -> None:
    """Check that a file of features can be written.

    Raises
    ------
    UsageError
        If the ending is not one of `WRITERS`, if the folder does not exist, or if the file exists.
    """
    if path.suffix not in WRITERS:
        raise UsageError(f"The name of the file must end in {' or '.join(WRITERS)}, not {path.name!r}.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent} for {path.name}.")
    if path.is_dir() or (path.exists() and not may_replace):
        raise OutputError(f"{path} exists: choose another name{'' if path.is_dir() else ', or add --force'}.")


def write_features(rows: FeatureRows, path: Path) -> None:
    """Write rows to a file in the format of its ending, or nothing if that fails.

    Raises
    ------
    OutputError
        If the file can't be written.
    StorageError
        If the table is damaged.
    """
    with _complete(path) as partial:
        WRITERS[path.suffix](rows, partial)


def content_of(path: Path) -> int | None:
    """Return the id of the rows of a Parquet file that `write_features` has written; `None` for any other file."""
    try:
        return int((pq.read_schema(path).metadata or {})[CONTENT])
    except (OSError, ValueError, KeyError):
        return None


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Yield a path on the same disk; after the body, its file moves to `path`, or is deleted if the body fails."""
    try:
        with scratch_folder(path.parent, PARTIAL) as folder:
            partial = folder / path.name
            yield partial
            partial.replace(path)
    except OSError as error:
        raise OutputError(f"Can't write {path}: {error.strerror or error}.") from error


def _write_parquet(rows: FeatureRows, path: Path) -> None:
    names = [name for name in SCHEMA.names if name not in {"key", "etag", "features"}]
    schema = SCHEMA.with_metadata({CONTENT: str(rows.content)})
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=names) as writer:
        for piece in rows.pieces(SCHEMA.names):
            writer.write_table(piece.cast(schema))


def _write_npz(rows: FeatureRows, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, column in {"keys": "key", "labels": "label"}.items():
            _write_texts(archive, name, rows, column)
        with _member(archive, "features", (len(rows), FEATURE_COUNT), np.dtype(np.float32)) as member:
            for piece in rows.pieces(["features"]):
                member.write(features_matrix(piece["features"].combine_chunks()).tobytes())


def _write_texts(archive: zipfile.ZipFile, name: str, rows: FeatureRows, column: str) -> None:
    """Write texts as an array of fixed width, which NumPy reads without executing anything. Missing texts are empty."""
    lengths = (pc.max(pc.utf8_length(piece[column])).as_py() or 0 for piece in rows.pieces([column]))
    dtype = np.dtype((np.str_, max(lengths, default=0) or 1))
    with _member(archive, name, (len(rows),), dtype) as member:
        for piece in rows.pieces([column]):
            texts = pc.fill_null(piece[column], "").to_pylist()
            member.write(np.array(texts, dtype).tobytes())


@contextmanager
def _member(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Iterator[IO[bytes]]:
    """Open an array of an archive, whose bytes the body writes."""
    info = zipfile.ZipInfo(f"{name}.npy", LONG_AGO)
    with archive.open(info, "w", force_zip64=True) as member:
        header = {"shape": shape, "fortran_order": False, "descr": np.lib.format.dtype_to_descr(np.dtype(dtype))}
        np.lib.format.write_array_header_1_0(member, header)
        yield member


WRITERS: dict[str, Callable[[FeatureRows, Path], None]] = {".parquet": _write_parquet, ".npz": _write_npz}
"""Ending of a file → function that writes rows to it."""
