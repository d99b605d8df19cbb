"""Tests of `fruits features`: its files contain the rows that Spark reads, in the order of the matrix."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from cli.feature_files import SCHEMA
from cli.main import main
from cli.table_files import DataFile
from cli.table_rows import ROWS_AT_ONCE, TableRows
from contract.runs import Mode
from contract.summary import Summary
from contract.tables import Table
from spark_app.pipeline import maintain
from spark_app.progress import PlainReporter
from spark_app.settings import FEATURE_COUNT, RunSettings
from spark_app.tables import Tables
from tests.cli.mistakes import sentence_of_mistake
from tests.published import read_matrix
from tests.test_readme import executed

Run = Callable[..., Summary]
Session = Callable[[Path], SparkSession]

FEATURES = "tables/fruits/features"


def _features(output: Path, file: Path, *options: str) -> int:
    return main(["features", "--output", str(output), str(file), *options])


def _rows_of_spark(tables: Tables) -> list[tuple[object, ...]]:
    """Read the current rows with the library that has written them."""
    frame = tables.spark.table(tables.features).select(*SCHEMA.names).sort("key")
    return [tuple(row.asDict().values()) for row in frame.collect()]


def _rows_of(file: Path) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in pq.read_table(file).to_pylist()]


@pytest.fixture
def changed(run_pipeline: Run, images: Path, output: Path, session_at: Session) -> Tables:
    """Run the pipeline, change, remove and add images, and run it again."""
    run_pipeline()
    plum = images / "Plum"
    shutil.copy(images / "Orange/view 000.jpg", plum / "view 000.jpg")
    (plum / "view 001.jpg").unlink()
    (plum / "view 002.jpg").rename(plum / "a new name.jpg")
    run_pipeline()
    return Tables(session_at(output), "fruits")


def test_the_file_contains_the_rows_that_spark_reads(
    changed: Tables, output: Path, results: Callable[[], Path], tmp_path: Path
) -> None:
    """Deleted and replaced rows, which the table's files still contain, do not appear; the order is the matrix's."""
    assert _features(output, tmp_path / "all.parquet") == 0
    assert _features(output, tmp_path / "all.npz") == 0
    expected = _rows_of_spark(changed)
    assert _rows_of(tmp_path / "all.parquet") == expected
    in_files = sum(pq.read_metadata(file).num_rows for file in (output / FEATURES / "data").glob("*-0-*.parquet"))
    assert in_files > len(expected)
    keys, _ = read_matrix(results())
    with np.load(tmp_path / "all.npz", allow_pickle=False) as archive:
        assert archive["keys"].tolist() == keys == [row[0] for row in expected]
        assert archive["labels"].tolist() == [row[1] for row in expected]
        np.testing.assert_array_equal(archive["features"], np.array([row[-1] for row in expected], np.float32))


def test_the_same_rows_make_the_same_bytes(changed: Tables, output: Path, tmp_path: Path) -> None:
    """A file does not change if another run finds nothing to do, or if the table is compacted."""
    for ending in ("parquet", "npz"):
        _features(output, tmp_path / f"before.{ending}")
    assert _rows_of(tmp_path / "before.parquet") == _rows_of_spark(changed)
    files = changed.iceberg[Table.FEATURES].file_count()
    maintain(RunSettings(images="", output=output.as_uri(), mode=Mode.MAINTAIN), PlainReporter(io.StringIO()), {})
    assert changed.iceberg[Table.FEATURES].file_count() < files
    for ending in ("parquet", "npz"):
        assert _features(output, tmp_path / f"after.{ending}") == 0
        assert (tmp_path / f"after.{ending}").read_bytes() == (tmp_path / f"before.{ending}").read_bytes()


def test_features_belong_to_the_last_complete_results(
    changed: Tables, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an interrupted run has committed does not count; if only that is left, the command says what to do."""
    expected = _rows_of_spark(changed)
    changed.spark.sql(f"DELETE FROM {changed.features} WHERE label = 'Plum'")
    assert _features(output, tmp_path / "all.parquet") == 0
    assert _rows_of(tmp_path / "all.parquet") == expected
    now = changed.spark.sql("SELECT current_timestamp() AS now").first()
    assert now is not None
    changed.iceberg[Table.FEATURES].expire_snapshots(now.now.astimezone())
    capsys.readouterr()
    assert _features(output, tmp_path / "all.npz") == 2
    assert "interrupted" in capsys.readouterr().err
    assert not (tmp_path / "all.npz").exists()


def test_an_output_that_was_moved_can_be_read(changed: Tables, output: Path, tmp_path: Path) -> None:
    """The table is read where it is now, in a folder of any name, and not where Iceberg wrote it."""
    expected = _rows_of_spark(changed)
    moved = output.rename(tmp_path / "moved #1 50%")
    assert _features(moved, tmp_path / "all.parquet") == 0
    assert _rows_of(tmp_path / "all.parquet") == expected


def test_the_recipes_of_the_readme_work_as_copied(
    changed: Tables,  # noqa: ARG001 -- the fixture makes the table
    output: Path,
    tmp_path: Path,
    results: Callable[[], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The lines read the matrix of a real run, and compute it from the files that the command makes and names."""
    keys, coordinates = read_matrix(results())
    monkeypatch.chdir(tmp_path)
    assert _features(output, Path("features.npz")) == 0
    basis = capsys.readouterr().out.splitlines()[-1].removeprefix("  basis    ")
    shutil.copy(basis, "basis.npz")
    np.testing.assert_allclose(executed("basis = ")["coordinates"], coordinates, atol=1e-4)
    output.rename(tmp_path / "fruits-out")
    monkeypatch.setenv("HOME", str(tmp_path))
    matrix = executed("matrix = ")["matrix"]
    assert matrix["key"].tolist() == keys
    np.testing.assert_allclose(matrix.filter(like="pc_").to_numpy(), coordinates)


def test_a_damaged_table_leaves_no_file(
    changed: Tables,  # noqa: ARG001 -- the fixture makes the table
    output: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command names what it can't read, and keeps the file of before."""
    _features(output, tmp_path / "all.parquet")
    before, entries = (tmp_path / "all.parquet").read_bytes(), set(tmp_path.iterdir())
    for place in ("data/*.parquet", "metadata/snap-*.avro", "metadata/v*.metadata.json"):
        for file in (output / FEATURES).glob(place):
            file.write_bytes(file.read_bytes()[:100])
        capsys.readouterr()
        assert _features(output, tmp_path / "all.parquet", "--force") == 1
        assert capsys.readouterr().err.startswith("fruits: Can't read ")
    assert (tmp_path / "all.parquet").read_bytes() == before
    assert set(tmp_path.iterdir()) == entries


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., TableRows]:
    """Return a function that writes rows with the given keys and deleted positions to files, in small row groups."""

    def write(*files: tuple[list[str], list[int]]) -> TableRows:
        written = []
        for number, (keys, deleted) in enumerate(files):
            path = tmp_path / f"{number}.parquet"
            numbers = [[float(hash_of(key))] * FEATURE_COUNT for key in keys]
            columns: list[object] = [keys, [None] * len(keys), keys, *[[1] * len(keys)] * 2, keys, numbers]
            pq.write_table(pa.table(columns, schema=SCHEMA), path, row_group_size=3)
            written.append(DataFile(path, np.array(deleted, np.int64)))
        return TableRows(SCHEMA, written, 1)

    return write


def hash_of(key: str) -> int:
    """Return a number that belongs to a key."""
    return sum(key.encode())


def test_rows_of_many_files_come_in_the_order_of_the_keys(
    written: Callable[..., TableRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is that of the bytes of the keys, whatever the order in the files; each row keeps its features."""
    monkeypatch.setattr("cli.table_rows.ROWS_AT_ONCE", 5)
    rows = written(
        (["b", "d", "Z", "é", "a", "c", "😀"], [1, 4]), ([], []), (["~", "d", "a b", "豆"], [0]), (["x"], [0])
    )
    pieces = list(rows.pieces(["key", "features"]))
    assert [len(piece) for piece in pieces] == [5, 3]
    table = pa.concat_tables(pieces)
    assert table["key"].to_pylist() == sorted(["b", "Z", "é", "c", "😀", "d", "a b", "豆"], key=str.encode)
    assert [row[0] for row in table["features"].to_pylist()] == [hash_of(key) for key in table["key"].to_pylist()]


def test_two_rows_of_one_image_are_an_error(written: Callable[..., TableRows]) -> None:
    """If the table has two rows of an image, no file is written from it."""
    with pytest.raises(Exception, match="several rows of one image"):
        len(written((["a", "b"], []), (["b"], [])))


def test_a_piece_bounds_the_memory(written: Callable[..., TableRows], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece reads the row groups of its rows only, and no piece has more rows than the limit."""
    assert ROWS_AT_ONCE * FEATURE_COUNT * 4 < 25_000_000
    monkeypatch.setattr("cli.table_rows.ROWS_AT_ONCE", 3)
    read: list[int] = []
    original = pq.ParquetFile.read_row_groups
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_groups",
        lambda file, groups, **options: read.extend(groups) or original(file, groups, **options),
    )
    keys = [f"{number:03}" for number in range(60)]
    assert sum(len(piece) for piece in written((keys, [])).pieces(["key"])) == 60
    assert read == list(range(20))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["all.csv"], "must end in .parquet or .npz, not 'all.csv'"),
        (["all"], "must end in .parquet or .npz"),
        (["nowhere/all.npz"], "There is no folder nowhere for all.npz"),
        (["there.npz"], "there.npz exists: choose another name, or add --force"),
        (["folder.npz", "--force"], "folder.npz exists: choose another name."),
        (["all.npz"], "There are no complete results in"),
        (["all.npz", "--output", "s3://bucket"], "For the cloud, use `fruits results --features`"),
        (["all.npz", "--database", "X"], "--database must be lower-case letters"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mistake of the user prints one sentence, exits with code 2, and changes nothing."""
    monkeypatch.chdir(tmp_path)
    Path("there.npz").write_text("of the user")
    Path("folder.npz").mkdir()
    assert problem in sentence_of_mistake(capsys, "features", "--output", ".", *arguments)
    assert Path("there.npz").read_text() == "of the user"


def test_ctrl_c_leaves_the_file_of_before(
    changed: Tables,  # noqa: ARG001 -- the fixture makes the table
    output: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C in the middle of the writing leaves neither half a file nor a temporary one."""
    (tmp_path / "all.npz").write_text("of before")
    entries = set(tmp_path.iterdir())
    whole = TableRows.pieces

    def interrupted(rows: TableRows, columns: list[str]) -> Iterator[pa.Table]:
        yield from whole(rows, columns)
        if "features" in columns:
            raise KeyboardInterrupt

    monkeypatch.setattr(TableRows, "pieces", interrupted)
    assert _features(output, tmp_path / "all.npz", "--force") == 130
    assert (tmp_path / "all.npz").read_text() == "of before"
    assert set(tmp_path.iterdir()) == entries
