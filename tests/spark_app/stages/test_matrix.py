"""Tests of the matrix: after any changes, its files together are the table."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_app.keys import key_hash
from spark_app.stages import matrix
from spark_app.stages.matrix import SampledMatrix, carry_over, publish_matrix, sample_share, update_matrix
from spark_app.stages.matrix_files import MatrixJob
from spark_app.storage import Storage

COORDINATES = "key string, label string, components array<float>"
KEYS = ["Açaí/🍇 1,5.jpg", 'say "cheese".jpg', "b%20c.jpg", "it's \\ a.jpg", "#+.jpg"]
RUN = "20261120T121530Z-3fa94c"
LATER = "20261121T121530Z-3fa94c"

State = dict[str, float]


def _job(folder: Path, run_id: str, k: int = 1) -> MatrixJob:
    return MatrixJob(Storage(folder.as_uri()), run_id, RUN, k)


def _read(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def _rows(folder: Path, published: SampledMatrix) -> Iterator[list[str]]:
    for file in published.files:
        header, *body = _read(folder / file.file)
        assert header[:2] == ["key", "label"]
        assert len(body) == file.rows
        yield from body


def test_the_matrix_is_a_table_in_the_order_of_the_keys(spark: SparkSession, tmp_path: Path) -> None:
    """Any key survives the CSV, a missing label is an empty field, and the numbers are those of the table."""
    rows = [(key, None if number else "fruit", [number + 0.1, -number / 3]) for number, key in enumerate(KEYS)]
    publish_matrix(spark.createDataFrame(rows, COORDINATES), len(rows), _job(tmp_path, RUN, k=2))
    header, *body = _read(tmp_path / f"results/{RUN}/pca.csv")
    assert header == ["key", "label", "pc_1", "pc_2"]
    assert [row[0] for row in body] == sorted(KEYS, key=lambda key: key.encode())
    for key, label, *values in body:
        number = KEYS.index(key)
        assert label == ("" if number else "fruit")
        assert [float(value) for value in values] == pytest.approx([number + 0.1, -number / 3], abs=1e-6)


def test_a_matrix_without_rows_is_a_file_with_a_header(spark: SparkSession, tmp_path: Path) -> None:
    """A run without images publishes a file, too, so that readers find every file."""
    published = publish_matrix(spark.createDataFrame([], COORDINATES), 0, _job(tmp_path, RUN, k=0))
    assert list(_rows(tmp_path, published)) == []
    assert _read(tmp_path / f"results/{RUN}/pca.csv") == [["key", "label"]]


def test_a_lost_row_is_noticed(spark: SparkSession, tmp_path: Path) -> None:
    """A matrix that lacks a row of the table is an error, and is not published."""
    frame = spark.createDataFrame([("a", "fruit", [1.0])], COORDINATES)
    with pytest.raises(RuntimeError, match="1 rows of 2"):
        publish_matrix(frame, 2, _job(tmp_path, RUN))


CHANGES = st.lists(
    st.dictionaries(st.integers(0, 60), st.none() | st.floats(-9, 9, width=32), min_size=1, max_size=25),
    min_size=1,
    max_size=5,
)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.dictionaries(st.integers(0, 60), st.floats(-9, 9, width=32), max_size=50), changes=CHANGES)
def test_after_any_changes_the_files_are_the_table(
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
    first: dict[int, float],
    changes: list[dict[int, float | None]],
) -> None:
    """Rows, order and sample are correct after any changes, including ranges that grow, are split, or become empty."""
    folder = tmp_path_factory.mktemp("matrix")
    with pytest.MonkeyPatch.context() as small:
        small.setattr(matrix, "ROWS_PER_FILE", 8)
        small.setattr(matrix, "SAMPLE", 10)
        state = {_key(number): value for number, value in first.items()}
        published = publish_matrix(_frame(spark, state), len(state), _job(folder, RUN))
        for number, change in enumerate(changes, start=1):
            before = dict(state)
            state = _changed(state, change)
            shifts = [
                (key, (key in state) - (key in before)) for key in map(_key, change) if key in state or key in before
            ]
            if not shifts:
                continue
            touched = spark.createDataFrame(shifts, "key string, shift int")
            published = update_matrix(_frame(spark, state), touched, published, _job(folder, f"{RUN}-{number}"))
            rows = {row[0]: float(row[2]) for row in _rows(folder, published)}
            assert list(rows) == sorted(state)
            assert rows == pytest.approx(state, abs=1e-5)
            assert all(file.rows <= 16 for file in published.files)
            sampled = {image.key: image.x for image in published.sample}
            assert sampled == {key: state[key] for key in state if key_hash(key) < published.share}
            assert published.share >= sample_share(61)


def _key(number: int) -> str:
    return f"it's {number:02} ü.jpg"


def _frame(spark: SparkSession, state: State) -> object:
    return spark.createDataFrame([(key, "fruit", [value]) for key, value in state.items()], COORDINATES)


def _changed(state: State, change: dict[int, float | None]) -> State:
    merged = state | {_key(number): value for number, value in change.items()}
    return {key: value for key, value in merged.items() if value is not None}


def test_a_small_change_writes_the_affected_files(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new row in a matrix of ten files leads to one new file."""
    monkeypatch.setattr(matrix, "ROWS_PER_FILE", 10)
    state = {_key(number): float(number) for number in range(0, 200, 2)}
    first = publish_matrix(_frame(spark, state), 100, _job(tmp_path, RUN))
    assert len(first.files) > 5
    state[_key(101)] = 101.0
    one = spark.createDataFrame([(_key(101), 1)], "key string, shift int")
    second = update_matrix(_frame(spark, state), one, first, _job(tmp_path, LATER))
    assert second.rows == 101
    new = {file.file for file in second.files} - {file.file for file in first.files}
    assert len(new) == 1
    assert LATER in new.pop()


def test_unchanged_results_are_named_or_copied(spark: SparkSession, tmp_path: Path) -> None:
    """A single file is copied to the folder of every run."""
    state = {_key(number): float(number) for number in range(3)}
    small = publish_matrix(_frame(spark, state), 3, _job(tmp_path, RUN))
    again = carry_over(small, _job(tmp_path, LATER))
    assert again.files[0].file == f"results/{LATER}/pca.csv"
    assert (tmp_path / again.files[0].file).read_bytes() == (tmp_path / small.files[0].file).read_bytes()


@pytest.mark.parametrize("rows", [0, 1, 1_999, 2_000, 2_001, 90_380, 10_000_000])
def test_the_sample_has_the_size_of_a_page(rows: int) -> None:
    """The sample contains all images if they are few, and otherwise 1,000 to 2,000."""
    expected = sample_share(rows) * rows
    assert expected == rows if rows <= 2_000 else 1_000 < expected <= 2_000
    assert np.log2(sample_share(rows)) % 1 == 0
