"""Runs of the whole pipeline whose images and output are in Google Cloud Storage or in Azure."""

import io
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from cli.main import main
from contract.layout import LATEST, LEASE, TABLES, ResultFile
from contract.summary import Latest, Summary
from localspark.connectors import CONNECTORS, connector_folder
from spark_app.engine.model import ExportedModel, model_id_of, save_model
from spark_app.engine.weights import Weights
from spark_app.errors import FencedOffError, OutputError
from spark_app.pipeline import run
from spark_app.progress import PlainReporter
from spark_app.session import CATALOG
from spark_app.settings import RunSettings
from spark_app.stages.listing import Listing, stage_listing
from spark_app.storage import Storage, hadoop_secrets, hadoop_settings
from tests.spark_app.stores.conftest import Emulated

PICTURES = 12


@pytest.fixture(scope="session", autouse=True)
def connectors() -> None:
    """Skip if there are no connectors."""
    if not all((connector_folder(store) / jar.name).is_file() for store, jars in CONNECTORS.items() for jar in jars):
        pytest.skip("there are no connectors: `make build/emulators/ready` downloads them")


@pytest.fixture
def root(emulated: Emulated, seeded: Weights, exported: ExportedModel) -> Storage:
    """Return an output in a store, which has the exported model already."""
    found = Storage(f"{emulated.scheme}://{emulated.new_bucket()}/out/put")
    save_model(found, model_id_of(seeded), seeded, exported)
    return found


@pytest.fixture
def images(emulated: Emulated, sample: Path) -> Storage:
    """Return a folder of a few pictures in a store."""
    found = Storage(f"{emulated.scheme}://{emulated.new_bucket()}/images")
    for picture in _pictures(sample):
        found.write(picture.relative_to(sample).as_posix(), picture.read_bytes())
    return found


def _pictures(sample: Path) -> list[Path]:
    return sorted(sample.rglob("*.jpg"))[:PICTURES]


def _run(images: Storage, root: Storage, session: SparkSession, patch: pytest.MonkeyPatch) -> Summary:
    """Run in this process, whose Python workers do not know the stores: for runs that end before they compute."""
    session = session.newSession()
    session.conf.set(f"spark.sql.catalog.{CATALOG}.warehouse", root.spark_path(TABLES))
    for name, value in (hadoop_settings(root.url) | hadoop_secrets(root.url)).items():
        session.conf.set(name, value)  # a session copies such settings to those of Hadoop
    patch.setattr("spark_app.pipeline.open_session", lambda *_: nullcontext(session))
    return run(RunSettings(images=images.url, output=root.url, weights="seeded"), PlainReporter(io.StringIO()), {})


def _command(images: Storage, root: Storage) -> Summary:
    """Run `fruits run`, as a user does, and return the summary of the last results."""
    options = ["--weights", "seeded", "--findings", "none", "--thumbnails", "none", "--master", "local[2]"]
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "run", "--images", images.display, "--output", root.display, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    latest = Latest.from_json(root.read(LATEST) or b"")
    return Summary.from_json(root.read(latest.results + ResultFile.SUMMARY) or b"")


def _matrix(root: Storage) -> pd.DataFrame:
    folder = Latest.from_json(root.read(LATEST) or b"").results
    return pd.read_csv(io.BytesIO(root.read(folder + ResultFile.MATRIX) or b""), index_col="key")


def _features(root: Storage, folder: Path) -> np.ndarray:
    """Return the features that `fruits features` writes, which reads the tables without Spark."""
    file = folder / "features.npz"
    assert main(["features", "--output", root.display, str(file), "--force"]) == 0
    with np.load(file) as arrays:
        return arrays["features"]


@pytest.fixture(scope="module")
def in_a_folder(
    sample: Path,
    seeded: Weights,
    exported: ExportedModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Storage:
    """Return the output of a run in folders of this machine, on the same pictures."""
    folder = tmp_path_factory.mktemp("few")
    for picture in _pictures(sample):
        copy = folder / "images" / picture.relative_to(sample)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(picture.read_bytes())
    local = Storage((folder / "output").as_uri())
    local.create()
    save_model(local, model_id_of(seeded), seeded, exported)
    _command(Storage((folder / "images").as_uri()), local)
    return local


def test_a_store_gives_the_matrix_of_a_folder_and_is_kept_up_to_date(
    images: Storage,
    root: Storage,
    in_a_folder: Storage,
    tmp_path: Path,
) -> None:
    """Images and output in a store give the same rows as folders; then, a run only does what has changed."""
    first = _command(images, root)
    pd.testing.assert_frame_equal(_matrix(root), _matrix(in_a_folder), rtol=0, atol=1e-4)
    assert first.counts.images == len(_matrix(root))
    np.testing.assert_allclose(_features(root, tmp_path), _features(in_a_folder, tmp_path), rtol=0, atol=1e-5)

    gone = _matrix(root).index[0]
    images.delete([gone])
    second = _command(images, root)
    assert (second.counts.featurised, second.counts.images) == (0, first.counts.images - 1)
    assert gone not in _matrix(root).index
    assert root.find(LEASE) is None


def test_a_second_run_is_refused_while_one_works(
    images: Storage, root: Storage, warm: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs at once would lose commits, because these stores can't rename a table's metadata atomically."""
    root.write(LEASE, b"of another run")
    with pytest.raises(OutputError, match="Another run is working on"):
        _run(images, root, warm, monkeypatch)
    assert root.read(LEASE) == b"of another run"


def test_a_run_that_loses_its_lease_changes_nothing_that_others_see(
    images: Storage, root: Storage, warm: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was suspended while it listed the images ends before it commits; the other run goes on."""

    def suspended(images: Storage, root: Storage, staging: str) -> Listing:
        root.write(LEASE, b"of another run")
        return stage_listing(images, root, staging)

    monkeypatch.setattr("spark_app.pipeline.stage_listing", suspended)
    with pytest.raises(FencedOffError, match="Another run has taken the lease"):
        _run(images, root, warm, monkeypatch)
    assert root.find(LATEST) is None
    assert root.read(LEASE) == b"of another run"
