"""Tests of the labels that follow `--label-level`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from contract.layout import label_of
from contract.runs import Mode
from contract.summary import Summary
from spark_app.stages.labels import CHANGING, PROPERTY, label_in_sql
from spark_app.tables import Tables
from tests.published import read_matrix, read_table

Run = Callable[..., Summary]
Session = Callable[[Path], SparkSession]

KEYS = ["top.jpg", "A/x.jpg", "A/b/x.jpg", "A/b/c/x.jpg", "Ä ö/日本/x/y/z.jpg"]


@pytest.fixture
def images(images: Path) -> Path:
    """Put the pictures of two varieties one folder deeper than those of the others."""
    for variety in ("Plum", "Orange"):
        (images / "Stone").mkdir(exist_ok=True)
        (images / variety).rename(images / "Stone" / variety)
    return images


@pytest.mark.parametrize("level", [1, 2, 3, 9, -1, -2, -3, -9])
def test_sql_and_python_compute_the_same_label(spark: SparkSession, level: int) -> None:
    """What replaces labels in the tables gives the labels that the workers give."""
    frame = spark.createDataFrame([(key,) for key in KEYS], "key string")
    found = {row.key: row.label for row in frame.selectExpr("key", f"{label_in_sql(level)} AS label").collect()}
    assert found == {key: label_of(key, level) for key in KEYS}


def _labels(results: Path) -> dict[str, str]:
    return {key: label for key, label, *_ in read_table(results / "pca.csv")}


def _labels_in(tables: Tables, table: str) -> dict[str, str]:
    return {row.key: row.label for row in tables.spark.table(table).select("key", "label").collect()}


def test_all_labels_follow_the_level(
    run_pipeline: Run, results: Callable[[], Path], images: Path, output: Path, session_at: Session
) -> None:
    """A run with another level labels old and new images alike, and computes no image and no basis again."""
    first = run_pipeline()
    keys, before = read_matrix(results())
    (images / "Stone/Plum/view 000.jpg").rename(images / "Stone/Plum/new.jpg")
    second = run_pipeline(label_level=1, mode=Mode.RECONCILE)
    assert (second.counts.featurised, second.counts.unchanged) == (1, first.counts.listed - 1)
    assert second.pca_version == first.pca_version
    labels = _labels(results())
    assert labels == {key: label_of(key, 1) for key in labels}
    assert labels["Stone/Plum/new.jpg"] == "Stone"
    tables = Tables(session_at(output), "fruits")
    assert _labels_in(tables, tables.features) == _labels_in(tables, tables.components) == labels
    after_keys, after = read_matrix(results())
    where = {key: row for row, key in enumerate(after_keys)}
    kept = [row for row, key in enumerate(keys) if key in where]
    assert abs(after[[where[keys[row]] for row in kept]] - before[kept]).max() < 1e-4


def test_labels_follow_after_a_run_that_died_while_it_replaced_them(
    run_pipeline: Run, results: Callable[[], Path], output: Path, session_at: Session
) -> None:
    """If a run dies between the rows and the record of their level, a run with either level gives all rows its own."""
    run_pipeline()
    tables = Tables(session_at(output), "fruits")
    tables.spark.sql(f"ALTER TABLE {tables.features} SET TBLPROPERTIES ('{PROPERTY}' = '{CHANGING}')")
    tables.replace_labels(label_in_sql(1))
    run_pipeline()
    assert _labels(results())["Stone/Plum/view 000.jpg"] == "Plum"
    assert set(_labels_in(tables, tables.features).values()) == set(_labels(results()).values())


def test_reprocess_takes_its_own_level(run_pipeline: Run, results: Callable[[], Path]) -> None:
    """After a `reprocess` with another level, a run with the level of before replaces the labels again."""
    run_pipeline()
    run_pipeline(label_level=1, mode=Mode.REPROCESS)
    assert _labels(results())["Stone/Plum/view 000.jpg"] == "Stone"
    run_pipeline(label_level=-1)
    assert _labels(results())["Stone/Plum/view 000.jpg"] == "Plum"


def test_a_resumed_reprocess_takes_its_own_level(
    run_pipeline: Run, results: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a `reprocess` is resumed with another level, the rows of its first attempt get labels of this level, too."""
    run_pipeline()
    with monkeypatch.context() as broken:
        broken.setattr("spark_app.pipeline.switch", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_pipeline(mode=Mode.REPROCESS)
    assert run_pipeline(label_level=1, mode=Mode.REPROCESS).counts.featurised == 0
    labels = _labels(results())
    assert labels == {key: label_of(key, 1) for key in labels}
    assert labels["Stone/Plum/view 000.jpg"] == "Stone"
