"""Tests of `fruits similar` and `fruits matrix` on an environment, with tables that Spark has written."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import boto3
import numpy as np
import pyarrow.parquet as pq
import pytest

from cli.cloud.environment import Deployment
from cli.main import main
from contract.digest import Digest
from contract.summary import MatrixFile, Snapshots, Summary
from contract.tables import Table
from spark_app.basis_file import basis_to_npz
from spark_app.numerics.components import ComponentCount
from spark_app.numerics.pca import fit
from spark_app.numerics.statistics import Statistics
from spark_app.settings import FEATURE_COUNT
from spark_app.tables import Tables
from tests.cli.cloud.conftest import REGION

RUN = "20261120T121530Z-3fa94c"
BASIS = "20261119T080000Z-aaaaaa"
CSV = b'"key","label","pc_1","pc_2"\n"Plum/a.jpg","Plum",0,0\n"Plum/b.jpg","Plum",3,4\n"c.jpg",,1,0\n'
ROWS = {"Plum/a.jpg": (0, 0), "Plum/b.jpg": (3, 4), "c.jpg": (1, 0)}

Put = Callable[[str, bytes], None]


def _label(key: str) -> str:
    return "'Plum'" if key.startswith("Plum/") else "null"


def _insert(tables: Tables) -> None:
    """Add the rows of `ROWS` to both tables."""
    rows = [f"('{key}', 'etag', {_label(key)}, 'p', array({x}f, {y}f))" for key, (x, y) in ROWS.items()]
    tables.spark.sql(
        f"INSERT INTO {tables.components} (key, etag, label, pca_version, components) VALUES {', '.join(rows)}"
    )
    for key in ROWS:
        tables.spark.sql(f"""
            INSERT INTO {tables.features}
            (key, etag, label, width, height, model_id, features, run_id, processed_at)
            SELECT '{key}', 'etag', {_label(key)}, 1, 1, 'model',
            array_repeat(1f, {FEATURE_COUNT}), 'run', current_timestamp()
        """)


@pytest.fixture
def published(
    tables: Tables, deployment: Deployment, put: Put, publish: Callable[..., None], summary: Summary
) -> Summary:
    """Upload both tables, and publish a run that has left their rows and a matrix."""
    _insert(tables)
    glue = boto3.client("glue", region_name=REGION)
    glue.create_database(DatabaseInput={"Name": "fruits_dev"})
    contents = {}
    for table in (Table.FEATURES, Table.COMPONENTS):
        name = tables.iceberg[table].name
        current = tables.spark.sql(f"SELECT * FROM {name}.metadata_log_entries").collect()[-1].file
        folder = Path(current.removeprefix("file:")).parents[1]
        for file in folder.rglob("*"):
            if file.is_file():
                put(f"tables/fruits_dev.db/{table}/{file.relative_to(folder)}", file.read_bytes())
        location = f"s3://{deployment.bucket}/tables/fruits_dev.db/{table}/metadata/{Path(current).name}"
        glue.create_table(
            DatabaseName="fruits_dev", TableInput={"Name": table, "Parameters": {"metadata_location": location}}
        )
        contents[table] = tables.iceberg[table].content()
    basis = fit(Statistics.of(np.random.default_rng(0).normal(size=(20, FEATURE_COUNT))), ComponentCount(2))
    put(f"pca/{BASIS}/basis.npz", basis_to_npz(basis))
    put(f"results/{RUN}/pca.csv", CSV)
    assert summary.pca is not None
    made = replace(
        summary,
        snapshots=Snapshots(features=contents[Table.FEATURES], components=contents[Table.COMPONENTS], rejects=None),
        matrix=[MatrixFile(file=f"results/{RUN}/pca.csv", first_key="", rows=3, digest=Digest.of(CSV))],
        pca=replace(summary.pca, components=2),
        pca_version=BASIS,
        counts=replace(summary.counts, images=3),
    )
    publish(RUN, None, made)
    return made


@pytest.mark.usefixtures("published")
def test_similar_images_of_an_environment(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is made of the table in the bucket, and stdout contains nothing but the document."""
    assert main(["similar", "Plum/a.jpg", "--env", "dev", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(image["key"], image["distance"]) for image in document["nearest"]] == [("c.jpg", 1.0), ("Plum/b.jpg", 5.0)]
    assert main(["similar", "Plum/c.jpg", "--env", "dev"]) == 2
    assert "in environment 'dev' nor a file on this machine. Did you mean" in capsys.readouterr().err


@pytest.mark.usefixtures("published")
def test_the_matrix_of_an_environment(tmp_path: Path) -> None:
    """Every format is made of what is in the bucket, and the downloads leave nothing."""
    assert main(["matrix", str(tmp_path / "a.csv"), "--env", "dev"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == CSV
    assert main(["matrix", str(tmp_path / "a.npz"), "--env", "dev"]) == 0
    with np.load(tmp_path / "a.npz") as archive:
        assert dict(zip(archive["keys"].tolist(), map(tuple, archive["components"].tolist()), strict=True)) == ROWS
        assert archive["explained_variance"].shape == (2,)
    assert main(["matrix", str(tmp_path / "a.parquet"), "--format", "atlas", "--env", "dev"]) == 0
    assert pq.read_table(tmp_path / "a.parquet")["key"].to_pylist() == sorted(ROWS)
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.npz", "a.parquet"}


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("command", [["similar", "x"], ["matrix", "x.csv"]])
def test_an_environment_without_results(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says that there are no results yet, and exits with code 2."""
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--env", "dev"]) == 2
    assert "There are no results yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
