"""Tests of how the features in the tables are read: those of few rows by their places, all of them once."""

import pickle
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from contract.tables import Table
from spark_app.arrow import to_lists
from spark_app.numerics.components import ComponentCount
from spark_app.numerics.pca import assess_own, fit
from spark_app.numerics.statistics import Statistics
from spark_app.settings import FEATURE_COUNT
from spark_app.stages.basis import BasisChoice
from spark_app.stages.outcomes import OUTCOMES, AppliedChanges, Tally
from spark_app.stages.projection import update_components
from spark_app.stages.repair import DamagedTableError
from spark_app.stages.rows_by_position import Places, read_lists, read_vectors
from spark_app.stages.statistics import FeatureStatistics
from spark_app.storage import Storage
from spark_app.tables import ADDED_COLUMNS, RowChanges, RowSet, Tables

if TYPE_CHECKING:
    from spark_app.stages.starting_point import StartingPoint

ROWS = 60
DELETED = ("03.jpg", "12.jpg")


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Return the features of all keys."""
    return np.random.default_rng(0).random((ROWS, FEATURE_COUNT), np.float32)


@pytest.fixture
def filled(tables: Tables, samples: np.ndarray) -> Tables:
    """Return tables of features in three files of several row groups, from which two rows were deleted."""
    tables.spark.sql(
        f"ALTER TABLE {tables.features} SET TBLPROPERTIES ('write.parquet.row-group-size-bytes'='20000', "
        "'write.parquet.row-group-check-min-record-count'='1', 'write.parquet.row-group-check-max-record-count'='3')"
    )
    for start in range(0, ROWS, 20):
        tables.commit(Table.FEATURES, RowChanges(_rows(tables.spark, samples, start), "true", 20, 0, []))
    tables.spark.sql(f"DELETE FROM {tables.features} WHERE key IN {DELETED}")
    return tables


def _rows(spark: SparkSession, samples: np.ndarray, start: int) -> Any:  # noqa: ANN401 -- a DataFrame
    constants = {"etag": "e", "label": "l", "width": 1, "height": 1, "model_id": "m", "run_id": "r"}
    columns: dict[str, object] = {name: [value] * 20 for name, value in constants.items()}
    columns |= {name: pa.nulls(20, OUTCOMES.field(name).type) for name in ADDED_COLUMNS[Table.FEATURES]}
    keys = [f"{number:02}.jpg" for number in range(start, start + 20)]
    return spark.createDataFrame(
        pa.table(
            columns
            | {"key": keys, "features": to_lists(samples[start : start + 20])}
            | {"processed_at": pa.array([datetime.now(UTC)] * 20, pa.timestamp("us", tz="UTC"))}
        )
    )


def _root(tables: Tables) -> Storage:
    folder = Path(tables.iceberg[Table.FEATURES].location().removeprefix("file:"))
    return Storage(folder.parents[2].as_uri())


def test_replaced_features_are_read_by_their_places(filled: Tables, samples: np.ndarray) -> None:
    """The features of any rows of an earlier snapshot come from their files, whichever row groups contain them."""
    keys = ["00.jpg", "01.jpg", "19.jpg", "20.jpg", "33.jpg", "59.jpg", *DELETED]
    before = filled.spark.sql(f"SELECT min_by(snapshot_id, committed_at) FROM {filled.features}.snapshots").first()[0]
    filled.spark.sql(f"DELETE FROM {filled.features} WHERE key = '01.jpg'")
    latest = filled.iceberg[Table.FEATURES].snapshot_id()
    assert latest is not None
    rows = filled.features_as_of(latest, f"key IN {tuple(keys)}").select("key", "_file", "_pos").collect()
    assert {row.key for row in rows} == {"00.jpg", "19.jpg", "20.jpg", "33.jpg", "59.jpg"}
    np.testing.assert_array_equal(read_vectors(_root(filled), rows), samples[[int(row.key[:2]) for row in rows]])
    first = filled.features_as_of(before, "true").select("key", "_file", "_pos").collect()
    assert {row.tobytes() for row in read_vectors(_root(filled), first)} == {row.tobytes() for row in samples[:20]}
    assert read_vectors(_root(filled), []).shape == (0, FEATURE_COUNT)


def _components_of(filled: Tables, samples: np.ndarray) -> tuple[pa.Table, Places]:
    """Fill the table `components` with 3 of the features, and return what Spark reads of it, and the places."""
    filled.spark.sql(f"""
        INSERT INTO {filled.components}
        SELECT key, etag, label, 'v', slice(features, 1, 3), null FROM {filled.features}
    """)
    filled.spark.sql(f"DELETE FROM {filled.components} WHERE key IN ('21.jpg', '40.jpg', '41.jpg')")
    rows = filled.spark.sql(f"SELECT key, components AS vector, _file, _pos FROM {filled.components}").toArrow()
    expected = samples[[int(key[:2]) for key in rows["key"].to_pylist()], :3]
    np.testing.assert_array_equal(np.array(rows["vector"].to_pylist(), np.float32), expected)
    return rows, Places.of(rows["_file"], rows["_pos"])


def _features_of(filled: Tables, samples: np.ndarray) -> tuple[pa.Table, Places]:
    """Return what Spark reads of the table `features`, and the places."""
    del samples
    rows = filled.spark.sql(f"SELECT key, features AS vector, _file, _pos FROM {filled.features}").toArrow()
    return rows, Places.of(rows["_file"], rows["_pos"])


@pytest.mark.parametrize(
    ("table", "width", "read"), [(Table.FEATURES, FEATURE_COUNT, _features_of), (Table.COMPONENTS, 3, _components_of)]
)
def test_vectors_are_read_in_the_order_of_their_places(
    table: Table,
    width: int,
    read: Any,  # noqa: ANN401 -- a function
    filled: Tables,
    samples: np.ndarray,
) -> None:
    """For any rows in any order, also repeated ones, the vectors are those that Spark reads, each in its place."""
    rows, places = read(filled, samples)
    assert len(places.files) > 1
    expected = np.array(rows["vector"].to_pylist(), np.float32)
    generator = np.random.default_rng(1)
    for count in (0, 1, 2, 7, len(rows), 2 * len(rows)):
        chosen = generator.integers(len(rows), size=count)
        some = pickle.loads(pickle.dumps(places.take(chosen)))  # noqa: S301 -- as Spark sends it to a task
        found = read_lists(_root(filled), table, str(table), width, some)
        np.testing.assert_array_equal(found, expected[chosen])
        assert len(some.files) == len(set(rows["_file"].take(chosen).to_pylist()))


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _flip(file: Path) -> None:
    """Change a bit in the middle of the vectors of a row group: the file stays a Parquet file."""
    group = pq.ParquetFile(file).metadata.row_group(0)
    columns = (group.column(number) for number in range(group.num_columns))
    (vectors,) = (column for column in columns if column.path_in_schema.endswith(".list.element"))
    body = bytearray(file.read_bytes())
    start = vectors.dictionary_page_offset or vectors.data_page_offset
    body[start + vectors.total_compressed_size // 2] ^= 4
    file.write_bytes(body)


@pytest.mark.parametrize(
    ("damage", "fault"), [(Path.unlink, "is missing"), (_cut, "can't be read"), (_flip, "can't be read")]
)
@pytest.mark.parametrize("table", [Table.FEATURES, Table.COMPONENTS])
def test_a_damaged_file_is_named(
    table: Table,
    damage: Any,  # noqa: ANN401 -- a function
    fault: str,
    filled: Tables,
    samples: np.ndarray,
) -> None:
    """The error names the table and its file, so that the user learns what to do."""
    read, width = {Table.FEATURES: (_features_of, FEATURE_COUNT), Table.COMPONENTS: (_components_of, 3)}[table]
    _, places = read(filled, samples)
    file = Path(places.files[0].removeprefix("file:"))
    damage(file)
    with pytest.raises(DamagedTableError, match=f"The table {table} is damaged: its file data/{file.name} {fault}"):
        read_lists(_root(filled), table, str(table), width, places)


def test_a_file_with_fewer_rows_is_damaged(filled: Tables, samples: np.ndarray) -> None:
    """A place behind the end of its file is an error, because there is no vector to return."""
    _, places = _features_of(filled, samples)
    behind = Places(places.files, places.file_of, places.position + 1)
    with pytest.raises(DamagedTableError, match="The table features is damaged"):
        read_lists(_root(filled), Table.FEATURES, "features", FEATURE_COUNT, behind)


def _rows_read(spark: SparkSession, after: int = -1) -> tuple[int, int]:
    """Return the number of rows that all stages after a stage have read, and the last stage."""
    context, jvm = cast("Any", spark.sparkContext)._jsc.sc(), cast("Any", spark)._jvm  # noqa: SLF001 -- Spark's own counters
    context.listenerBus().waitUntilEmpty()
    no_quantiles = spark.sparkContext._gateway.new_array(jvm.double, 0)  # type: ignore[union-attr]  # noqa: SLF001 -- the same
    stages = context.statusStore().stageList(None, False, False, no_quantiles, jvm.java.util.ArrayList())  # noqa: FBT003 -- Java
    found = [(stages.apply(number).stageId(), stages.apply(number).inputRecords()) for number in range(stages.size())]
    return sum(records for stage, records in found if stage > after), max(stage for stage, _ in found)


def test_a_refit_reads_the_features_once(filled: Tables, samples: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """All coordinates are replaced in one pass over the features, and as many rows as there are features are read."""
    statistics = Statistics.of(samples)
    basis = fit(statistics, ComponentCount(3))
    choice = BasisChoice(basis, "v", kept=False, reason="", assessment=assess_own(basis))
    monkeypatch.setattr(Tables, "row_set", lambda *_: RowSet(ROWS, 0))  # which reads keys and etags
    _, before = _rows_read(filled.spark)
    start = cast("StartingPoint", SimpleNamespace(tables=filled, reusable=None))
    features = FeatureStatistics(statistics, 1, None, "updated")
    update_components(start, AppliedChanges(Tally(), None, []), choice, features)
    read, _ = _rows_read(filled.spark, before)
    assert filled.spark.table(filled.components).count() == ROWS - len(DELETED)
    assert ROWS - len(DELETED) <= read <= ROWS


def test_rows_are_counted_from_the_metadata(filled: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleted rows do not count, before a compaction and after it. If the metadata has the number, no row is read."""
    features = filled.iceberg[Table.FEATURES]
    assert features.row_count() == ROWS - len(DELETED)
    assert filled.iceberg[Table.REJECTS].row_count() == 0
    filled.spark.sql(f"UPDATE {filled.features} SET label = 'other' WHERE key IN ('07.jpg', '08.jpg')")
    filled.spark.sql(f"DELETE FROM {filled.features} WHERE key = '09.jpg'")
    assert features.row_count() == ROWS - len(DELETED) - 1
    assert features.merge_tiny_files() > 0
    assert features.row_count() == ROWS - len(DELETED) - 1
    assert not filled.has_rows(Table.FEATURES, ROWS)
    monkeypatch.setattr(Tables, "row_set", lambda *_: pytest.fail("it reads rows"))
    assert filled.has_rows(Table.FEATURES, ROWS - len(DELETED) - 1)


def test_a_run_merges_tiny_files_only(filled: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger files stay, so that the end of an update does not read a whole table: only `maintain` merges them."""
    features = filled.iceberg[Table.FEATURES]
    monkeypatch.setattr("spark_app.iceberg.TINY_FILE", 10_000)
    assert features.tiny_file_count() == features.merge_tiny_files() == 0
    monkeypatch.setattr("spark_app.iceberg.TINY_FILE", 10_000_000)
    assert features.tiny_file_count() == features.merge_tiny_files() == 3
