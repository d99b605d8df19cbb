"""Tests of the matrix after a small change: rewriting lines gives the files that writing all rows gives."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.summary import MatrixFile
from spark_app.stages import matrix, matrix_patch
from spark_app.stages.matrix import SampledMatrix, sample_share
from spark_app.stages.matrix_files import MatrixJob, write_file
from spark_app.stages.matrix_patch import patch_matrix
from spark_app.storage import Storage

RUN = "20261120T121530Z-3fa94c"
ROWS = pa.schema([("key", pa.string()), ("label", pa.string()), ("components", pa.list_(pa.float32()))])

NAMES = ["it's {}.jpg", 'say "cheese", {}', "Açaí/🍇 1,5 {}", "b%20c {}", "a/{}/\\"]
State = dict[str, list[float] | None]


def _key(number: int) -> str:
    return NAMES[number % len(NAMES)].format(number)


def _table(state: State) -> pa.Table:
    rows = [
        {"key": key, "label": key[:2] if key > "b" else None, "components": values} for key, values in state.items()
    ]
    return pa.Table.from_pylist(rows, schema=ROWS)


def _written(folder: Path, state: State, sizes: list[int], run: str) -> SampledMatrix:
    """Write all rows with the function of the workers, to files of the given sizes."""
    job = MatrixJob(Storage(folder.as_uri()), run, RUN, 2, sample_share(len(state)))
    keys = sorted(state)
    files, sample = [], []
    for number, size in enumerate(sizes):
        part, keys = keys[:size], keys[size:]
        name = job.file(number, 1 if len(sizes) == 1 else 2)
        written = write_file(_table({key: state[key] for key in part}).to_batches(), name, job)
        files.append(written.file)
        sample += written.sample
    first, *others = files
    return SampledMatrix(
        [MatrixFile(file=first.file, first_key="", rows=first.rows, digest=first.digest), *others], job.share, sample
    )


VALUES = st.lists(st.floats(-9, 9, width=32), min_size=2, max_size=2)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.dictionaries(st.integers(0, 60), VALUES, min_size=1, max_size=40),
    change=st.dictionaries(st.integers(0, 60), st.none() | VALUES, min_size=1, max_size=25),
)
def test_rewritten_lines_are_those_of_the_workers(
    tmp_path_factory: pytest.TempPathFactory, first: dict[int, list[float]], change: dict[int, list[float] | None]
) -> None:
    """After any change, the files have the same bytes, digests and samples as files that are written from all rows.

    Files grow, are split, and disappear; keys contain quotes, commas and letters of two to four bytes.
    """
    folder = tmp_path_factory.mktemp("matrix")
    before: State = {_key(number): values for number, values in first.items()}
    after = before | {_key(number): values for number, values in change.items()}
    after = {key: values for key, values in after.items() if values is not None}
    rows = {key: after.get(key) for key in map(_key, change) if key in before or key in after}
    if not rows:
        return
    (folder / "expected").mkdir()
    with pytest.MonkeyPatch.context() as small:
        small.setattr(matrix, "ROWS_PER_FILE", 8)
        small.setattr(matrix, "SAMPLE", 20)
        sizes = matrix.file_sizes(len(before)) if len(before) > 8 else [len(before)]
        last = _written(folder, before, sizes, RUN)
        job = MatrixJob(Storage(folder.as_uri()), f"{RUN}-2", RUN, 2)
        found = patch_matrix(_table(rows), len(after), last, job)
        if found is None:  # the workers write the matrix again
            assert not after or len(after) <= 8 < len(before) or not matrix.keeps_sample(last, len(after))
            return
        expected = _written(folder / "expected", after, [file.rows for file in found.files], RUN)
    assert [file.digest for file in found.files] == [file.digest for file in expected.files]
    assert [file.first_key for file in found.files] == [file.first_key for file in expected.files]
    assert all((folder / file.file).stat().st_size == file.digest.size for file in found.files if file.digest)
    assert all(file.rows <= 16 for file in found.files)
    assert (found.share, found.sample) == (expected.share, expected.sample)


def test_a_large_change_is_left_to_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver reads no more of the last matrix than a limit allows."""
    state: State = {"a": [1.0, 2.0], "b": [1.0, 2.0]}
    last = _written(tmp_path, state, [2], RUN)
    job = MatrixJob(Storage(tmp_path.as_uri()), f"{RUN}-2", RUN, 2)
    assert patch_matrix(_table({"a": [3.0, 4.0]}), 2, last, job) is not None
    monkeypatch.setattr(matrix_patch, "BYTES_AT_MOST", 10)
    assert patch_matrix(_table({"a": [3.0, 4.0]}), 2, last, job) is None


@pytest.mark.parametrize("key", ["=1+1.jpg", "'=1+1.jpg"])
def test_keys_that_a_file_may_show_otherwise_are_left_to_the_workers(tmp_path: Path, key: str) -> None:
    """A line that begins with an apostrophe does not tell whether the key begins with one."""
    job = MatrixJob(Storage(tmp_path.as_uri()), f"{RUN}-2", RUN, 2)
    last = _written(tmp_path, {key: [1.0, 2.0]}, [1], RUN)
    assert patch_matrix(_table({"a": [3.0, 4.0]}), 2, last, job) is None


def test_a_lost_row_is_noticed(tmp_path: Path) -> None:
    """A matrix with another number of rows than the table is an error."""
    last = _written(tmp_path, {"a": [1.0, 2.0]}, [1], RUN)
    job = MatrixJob(Storage(tmp_path.as_uri()), f"{RUN}-2", RUN, 2)
    with pytest.raises(RuntimeError, match="2 rows of 3"):
        patch_matrix(_table({"b": list(np.ones(2))}), 3, last, job)
