"""Tests of the synthetic rows of large corpora."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from benchmarks.clustered import COPIES, FRAMES, ROWS, clustered
from spark_app.arrow import features_matrix

SIZE = ROWS + 700


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Make more rows than one table has."""
    return pa.concat_tables(clustered(SIZE, "model"))


def hamming(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the bits in which hashes differ."""
    return np.bitwise_count(one.view(np.uint64) ^ other.view(np.uint64))


def test_there_are_as_many_images_as_wanted(rows: pa.Table) -> None:
    """Every row has a key of its own, and the last table is cut."""
    assert len(rows) == SIZE
    assert len(set(rows["key"].to_pylist())) == SIZE
    pairs = zip(rows["key"].to_pylist(), rows["label"].to_pylist(), strict=True)
    assert all(key.startswith(f"{label}/") for key, label in pairs)


def test_some_rows_are_copies(rows: pa.Table) -> None:
    """Rows with an equal content have equal features and hashes."""
    first = rows.slice(0, ROWS)
    contents = np.array(first["content_hash"].to_pylist())
    _, content, count = np.unique(contents, return_inverse=True, return_counts=True)
    assert ROWS - len(count) == COPIES
    hashes, features = first["perceptual_hash"].to_numpy(), features_matrix(first["features"].combine_chunks())
    for copied in np.flatnonzero(count > 1):
        members = np.flatnonzero(content == copied)
        assert (hashes[members] == hashes[members[0]]).all()
        assert (features[members] == features[members[0]]).all()


def test_frames_resemble_each_other_more_than_varieties_do(rows: pa.Table) -> None:
    """The hashes of neighbouring frames are nearer than those of distant ones, and these than those of varieties."""
    hashes = rows["perceptual_hash"].to_numpy()[:ROWS].reshape(-1, FRAMES)
    neighbours = np.median(hamming(hashes[:, :-1], hashes[:, 1:]))
    distant = np.median(hamming(hashes[:, :60], hashes[:, 60:120]))
    varieties = np.median(hamming(hashes[:-1, :], hashes[1:, :]))
    assert neighbours < 5 < distant < varieties
