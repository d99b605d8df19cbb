"""Tests of `fruits results --features --basis`, with a table that Spark has written."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import boto3
import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from cli.cloud.environment import Deployment
from cli.main import main
from contract.summary import Snapshots, Summary
from contract.tables import Table
from spark_app.settings import FEATURE_COUNT
from spark_app.tables import Tables
from tests.cli.cloud.conftest import REGION

RUN = "20261120T121530Z-3fa94c"
LATER = "20261121T121530Z-3fa94c"
BASIS = "20261119T080000Z-aaaaaa"
FOLDER = "tables/fruits_dev.db/features/"

Publish = Callable[..., None]
Put = Callable[[str, bytes], None]
Before = Callable[[str, Callable[[dict[str, object]], None]], None]


def insert(tables: Tables, *keys: str) -> None:
    """Add rows whose features are the numbers of the characters of their keys."""
    for key in keys:
        tables.spark.sql(f"""
            INSERT INTO {tables.features}
            (key, etag, label, width, height, model_id, features, run_id, processed_at)
            SELECT '{key}', 'etag', null, 1, 1, 'model',
            array_repeat(CAST({sum(key.encode())} AS float), {FEATURE_COUNT}), 'run', current_timestamp()
        """)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def table(spark: SparkSession, tables: Tables, deployment: Deployment, put: Put) -> Callable[[], int | None]:  # noqa: ARG001 -- the fixture starts AWS
    """Return a function that uploads the table, tells Glue where it is, and returns the id of its rows."""
    glue = boto3.client("glue", region_name=REGION)
    glue.create_database(DatabaseInput={"Name": "fruits_dev"})
    glue.create_table(DatabaseName="fruits_dev", TableInput={"Name": "features"})

    def upload() -> int | None:
        current = tables.spark.sql(f"SELECT * FROM {tables.features}.metadata_log_entries").collect()[-1].file
        folder = Path(current.removeprefix("file:")).parents[1]
        for file in folder.rglob("*"):
            if file.is_file():
                put(f"{FOLDER}{file.relative_to(folder)}", file.read_bytes())
        location = f"s3://{deployment.bucket}/{FOLDER}metadata/{Path(current).name}"
        entry = {"Name": "features", "Parameters": {"metadata_location": location}}
        glue.update_table(DatabaseName="fruits_dev", TableInput=entry)
        return tables.iceberg[Table.FEATURES].content()

    return upload


@pytest.fixture
def publish_rows(publish: Publish, put: Put, summary: Summary) -> Callable[[str, int | None], None]:
    """Return a function that publishes a run which has left the given rows, and its basis."""

    def publish_it(run_id: str, content: int | None) -> None:
        snapshots = Snapshots(features=content, components=None, rejects=None)
        publish(run_id, None, replace(summary, snapshots=snapshots, matrix=[]))
        put(f"pca/{BASIS}/basis.npz", b"the basis")

    return publish_it


def _results(*arguments: str) -> int:
    return main(["results", *arguments, "--env", "dev"])


def _keys(file: Path) -> list[str]:
    table = pq.read_table(file)
    np.testing.assert_array_equal(
        np.stack(table["features"].to_numpy())[:, 7], [sum(key.encode()) for key in table["key"].to_pylist()]
    )
    return table["key"].to_pylist()


def test_the_features_and_the_basis_of_a_run_are_downloaded(
    tables: Tables,
    table: Callable[[], int | None],
    publish_rows: Callable[[str, int | None], None],
    here: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each run gets the rows that it left, without deleted ones, in the order of the keys; the files are named."""
    insert(tables, "b", "a", "c")
    publish_rows(RUN, table())
    tables.spark.sql(f"DELETE FROM {tables.features} WHERE key = 'a'")
    insert(tables, "aa")
    publish_rows(LATER, table())
    assert _results("--features", "--basis") == 0
    assert _keys(here / f"results/{LATER}/features.parquet") == ["aa", "b", "c"]
    assert (here / f"results/{LATER}/basis.npz").read_bytes() == b"the basis"
    lines = capsys.readouterr().out.splitlines()
    assert f"  basis    results/{LATER}/basis.npz" in lines
    assert lines[-1].startswith(f"  features results/{LATER}/features.parquet  (")
    assert _results("--features", "--run", RUN) == 0
    assert _keys(here / f"results/{RUN}/features.parquet") == ["a", "b", "c"]
    assert not list(here.rglob(".fruits-partial-*"))


def test_features_that_are_there_already_are_not_downloaded_again(
    tables: Tables,
    table: Callable[[], int | None],
    publish_rows: Callable[[str, int | None], None],
    here: Path,
    before: Before,
) -> None:
    """A complete file of the same rows is kept; any other file is replaced."""
    insert(tables, "a")
    publish_rows(RUN, table())
    read: list[object] = []
    before("GetObject", lambda parameters: read.append(parameters["Key"]) if "tables/" in str(parameters) else None)
    assert _results("--features") == 0
    assert read
    read.clear()
    assert _results("--features") == 0
    assert not read
    (here / f"results/{RUN}/features.parquet").write_bytes(b"another file")
    assert _results("--features") == 0
    assert _keys(here / f"results/{RUN}/features.parquet") == ["a"]


def test_features_that_no_longer_exist(
    tables: Tables,
    table: Callable[[], int | None],
    publish_rows: Callable[[str, int | None], None],
    here: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """For a run whose rows are gone, the command says so, downloads the other files, and exits with code 2."""
    insert(tables, "a")
    table()
    publish_rows(RUN, 17)
    assert _results("--features", "--run", RUN) == 2
    assert f"The features of run {RUN} no longer exist" in capsys.readouterr().err
    assert not (here / f"results/{RUN}/features.parquet").exists()
    assert (here / f"results/{RUN}/summary.json").exists()


def test_a_missing_file_of_the_table_leaves_no_features(
    tables: Tables,
    table: Callable[[], int | None],
    publish_rows: Callable[[str, int | None], None],
    deployment: Deployment,
    here: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If a file of the table is missing, the command names it, writes no file of features, and exits with code 1."""
    insert(tables, "a", "b")
    publish_rows(RUN, table())
    listed = deployment.s3.list_objects_v2(Bucket=deployment.bucket, Prefix=f"{FOLDER}data/")["Contents"]
    gone = next(found["Key"] for found in listed if found["Key"].endswith(".parquet"))
    deployment.s3.delete_object(Bucket=deployment.bucket, Key=gone)
    assert _results("--features") == 1
    answer = capsys.readouterr()
    assert gone.removeprefix(FOLDER) in answer.out
    assert "the features are not complete" in answer.err
    assert not (here / f"results/{RUN}/features.parquet").exists()


@pytest.mark.usefixtures("here")
def test_a_run_without_results_has_neither(
    publish: Publish, record: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a run that has published no results, the command gives one sentence and exit code 2."""
    publish(RUN, record)
    for option in ("--basis", "--features"):
        assert _results(option, "--run", RUN) == 2
        assert f"Run {RUN} has no {option[2:]}" in capsys.readouterr().err


def test_ctrl_c_leaves_no_half_file(
    tables: Tables,
    table: Callable[[], int | None],
    publish_rows: Callable[[str, int | None], None],
    here: Path,
    before: Before,
) -> None:
    """Ctrl-C during the download of the table exits with code 130, and leaves no file of features."""
    insert(tables, "a")
    publish_rows(RUN, table())
    before(
        "GetObject",
        lambda parameters: os.kill(os.getpid(), signal.SIGINT) if "metadata/snap" in str(parameters["Key"]) else None,
    )
    assert _results("--features") == 130
    assert not [path for path in here.rglob("*") if "features" in path.name or "partial" in path.name]
