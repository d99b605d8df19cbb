"""Tests of the search for the nearest images."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import pairwise_distances

from cli.nearest import Measure, Neighbour, Search, cosine, euclidean
from cli.table_files import DataFile
from cli.table_rows import Block, blocks
from spark_app.arrow import to_lists

D = 7


def _schema(measure: Measure) -> pa.Schema:
    return pa.schema([("key", pa.string()), ("label", pa.string()), (measure, pa.list_(pa.float32()))])


def _files(folder: Path, vectors: np.ndarray, measure: Measure, deleted: list[int]) -> list[DataFile]:
    """Write vectors to two files, with their numbers as keys, and delete some rows of the first file."""
    files = []
    for number, part in enumerate(np.array_split(np.arange(len(vectors)), 2)):
        path = folder / f"{number}.parquet"
        columns = [[f"{row:04}" for row in part], [f"label {row % 3}" for row in part], to_lists(vectors[part])]
        pq.write_table(pa.table(columns, schema=_schema(measure)), path, row_group_size=13)
        files.append(DataFile(path, np.array(deleted if number == 0 else [], np.int64)))
    return files


@pytest.mark.parametrize(("measure", "metric"), [(Measure.COMPONENTS, "euclidean"), (Measure.FEATURES, "cosine")])
def test_the_nearest_are_those_of_scikit_learn(
    measure: Measure, metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over blocks, files and deleted rows, the images and distances are those of a full comparison in float64."""
    monkeypatch.setattr("cli.table_rows.ROWS_AT_ONCE", 32)
    vectors = np.random.default_rng(0).normal(1, 1, (300, D)).astype(np.float32)
    files = _files(tmp_path, vectors, measure, deleted=[3, 70])
    for row in range(0, 300, 37):
        found = Search(measure, vectors[row], 9, without=f"{row:04}").among(blocks(files, _schema(measure)))
        expected = pairwise_distances(vectors[[row]].astype(float), vectors.astype(float), metric=metric)[0]
        expected[[row, 3, 70]] = np.inf
        assert [neighbour.key for neighbour in found] == [f"{number:04}" for number in np.argsort(expected)[:9]]
        np.testing.assert_allclose([neighbour.distance for neighbour in found], np.sort(expected)[:9], atol=1e-6)
        assert [neighbour.label for neighbour in found] == [f"label {int(neighbour.key) % 3}" for neighbour in found]


@pytest.mark.parametrize("measure", Measure)
def test_copies_have_distance_0_and_the_order_of_their_keys(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal images are exactly equally near, wherever they are stored, and the least keys are shown."""
    monkeypatch.setattr("cli.table_rows.ROWS_AT_ONCE", 32)
    vectors = np.random.default_rng(1).normal(0, 1, (200, D)).astype(np.float32)
    vectors[[5, 6, 90, 150, 199]] = vectors[17]
    files = _files(tmp_path, vectors, measure, deleted=[6])
    search = Search(measure, vectors[17], 3, without="0017")
    assert search.among(blocks(files, _schema(measure))) == [
        Neighbour(0.0, "0005"),
        Neighbour(0.0, "0090"),
        Neighbour(0.0, "0150"),
    ]


def test_fewer_images_than_wanted_are_all_shown(tmp_path: Path) -> None:
    """A search for more images than there are returns them all, without the image itself."""
    vectors = np.eye(4, D, dtype=np.float32)
    files = _files(tmp_path, vectors, Measure.COMPONENTS, deleted=[1])
    found = Search(Measure.COMPONENTS, vectors[0], 10, without="0000").among(blocks(files, _schema(Measure.COMPONENTS)))
    assert [neighbour.key for neighbour in found] == ["0002", "0003"]


def test_the_image_itself_takes_the_place_of_no_other(tmp_path: Path) -> None:
    """The image that is left out is the nearest to itself, and its place among the wanted number goes to the next."""
    vectors = np.eye(4, D, dtype=np.float32)
    files = _files(tmp_path, vectors, Measure.COMPONENTS, deleted=[1])[:1]
    found = Search(Measure.COMPONENTS, vectors[0], 1, without="none").among(blocks(files, _schema(Measure.COMPONENTS)))
    assert [neighbour.key for neighbour in found] == ["0000"]
    files = _files(tmp_path, vectors, Measure.COMPONENTS, deleted=[])[:1]
    found = Search(Measure.COMPONENTS, vectors[0], 1, without="0000").among(blocks(files, _schema(Measure.COMPONENTS)))
    assert [neighbour.key for neighbour in found] == ["0001"]


def test_an_empty_block_changes_nothing() -> None:
    """A table without rows has no nearest images."""
    schema = _schema(Measure.COMPONENTS)

    def empty() -> Iterator[Block]:
        yield Block(0, 0, schema.empty_table(), np.empty(0, bool))

    assert Search(Measure.COMPONENTS, np.zeros(D, np.float32), 3).among(empty()) == []


def test_the_cosine_distance_has_its_limits() -> None:
    """It is 0 for equal directions, 1 for orthogonal ones and for vectors without direction, 2 for opposite ones."""
    vectors = np.array([[2, 0], [0, 3], [-1, 0], [0, 0]], np.float32)
    np.testing.assert_allclose(cosine(vectors, np.array([1, 0], np.float32)), [0, 1, 2, 1], atol=1e-7)
    assert cosine(vectors, np.zeros(2, np.float32)).tolist() == [1, 1, 1, 0]


def test_small_euclidean_distances_are_not_lost() -> None:
    """Neighbours far from the origin are told apart: differences are squared, not the vectors."""
    vector = np.full(D, 1000, np.float32)
    assert euclidean(vector[np.newaxis] + np.float32(0.01), vector)[0] == pytest.approx(0.01 * D**0.5, rel=0.02)
