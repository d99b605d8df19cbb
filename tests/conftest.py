"""Fixtures that several packages of tests share: pictures, an exported model, and runs in this process."""

import io
import logging
import os
import pickle
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import hypothesis
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image
from pyspark.sql import SparkSession

from cli.sample import draw_sample
from contract.layout import TABLES
from contract.runs import Mode
from contract.summary import Latest, Summary
from localspark.connectors import CONNECTORS, connector_folder
from localspark.session import local_session_conf
from spark_app.engine.model import ExportedModel, model_id_of, save_model
from spark_app.engine.provision import export_model, in_own_process
from spark_app.engine.weights import Weights, find_weights
from spark_app.pipeline import run
from spark_app.progress import PlainReporter
from spark_app.session import CATALOG, open_session
from spark_app.settings import RunSettings
from spark_app.storage import Storage
from spark_app.tables import Tables
from tests.aws_environment import use_aws_at
from tests.made_once import made_once

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("without a deadline", deadline=None)
hypothesis.settings.load_profile("without a deadline")

SHARED_DATA = Path(os.environ.get("FRUITS_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
"""Folder of real images and weights, which some machines have."""

VIEWS = 6

SLOW = (
    "rehearsal/",
    "cdk/stateless/test_histories.py",
    "cdk/test_packaging.py::test_a_job_runs_on_what_is_shipped",
    "cli/test_demo.py",
    "cli/test_export.py",
    "cli/test_features.py",
    "cli/test_interruptions.py",
    "cli/test_matrix.py",
    "cli/test_run.py",
    "cli/test_similar.py",
    "cli/test_viewers.py",
    "handover/notebook/test_execution.py::test_the_notebook_",
    "handover/notebook/test_execution.py::test_the_ways_",
    "handover/notebook/test_execution.py::test_a_cell_that_fails",
    "localaws/test_jobs.py",
    "localaws/test_server.py",
    "localaws/test_workflows.py",
    "spark_app/engine/test_engines.py",
    "spark_app/stages/test_labels.py",
    "spark_app/stages/test_statistics.py",
    "spark_app/stores/",
    "spark_app/test_crashes.py",
    "spark_app/test_damage.py",
    "spark_app/test_earlier_output.py",
    "spark_app/test_histories.py",
    "spark_app/test_incremental.py",
    "spark_app/test_local_run.py",
    "spark_app/test_pipeline.py",
    "spark_app/test_poison.py",
    "test_readme_commands.py::test_the_commands_for_a_laptop",
)
"""Beginnings of the ids of slow tests, which `make test-fast` leaves out: rehearsals, runs of the pipeline, exports."""


def pytest_configure() -> None:
    """Let Ctrl-C interrupt this process and its children, also if a shell has started the tests in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests."""
    for item in items:
        if item.nodeid.removeprefix("tests/").startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real images and weights."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"there are no real images and weights in {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 60 pictures of 10 varieties and the broken files, for reading only."""
    folder = tmp_path_factory.mktemp("sample")
    draw_sample(folder, VIEWS)
    return folder


@pytest.fixture(scope="session")
def seeded() -> Weights:
    """Return the untrained weights."""
    weights = find_weights("seeded")
    assert weights is not None
    return weights


@pytest.fixture(scope="session")
def exported(seeded: Weights, tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    """Export the network with the untrained weights, once for all processes."""

    def export(folder: Path) -> None:
        (folder / "model.pickle").write_bytes(pickle.dumps(in_own_process(export_model, seeded)))

    model: ExportedModel = pickle.loads((made_once(tmp_path_factory, "model", export) / "model.pickle").read_bytes())  # noqa: S301 -- our own file
    return model


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Start Spark once for all tests. A warm JVM and warm Python workers save seconds in each test.

    It has the connectors to other stores if they were downloaded, because a process has one JVM.
    """
    folder = tmp_path_factory.mktemp("spark")
    settings = RunSettings(images="file:///images", output=folder.as_uri())
    connectors = [path for store in CONNECTORS for path in sorted(connector_folder(store).glob("*.jar"))]
    log = folder / "spark.log"
    with local_session_conf("local[2]", log, connectors) as conf, open_session(settings, conf) as session:
        yield session


@pytest.fixture(scope="session")
def session_at(warm: SparkSession) -> Callable[[Path], SparkSession]:
    """Return a function that makes a new session, whose tables are those of an output folder."""

    def make(output: Path) -> SparkSession:
        session = warm.newSession()
        warehouse = Storage(output.as_uri()).spark_path(TABLES)
        session.conf.set(f"spark.sql.catalog.{CATALOG}.warehouse", warehouse)
        return session

    return make


@pytest.fixture(scope="module")
def spark(session_at: Callable[[Path], SparkSession], tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    """Return a session whose tables are in a new folder."""
    return session_at(tmp_path_factory.mktemp("tables"))


@pytest.fixture
def tables(spark: SparkSession) -> Tables:
    """Return empty tables in a new database."""
    tables = Tables(spark, f"test_{secrets.token_hex(4)}")
    tables.create()
    return tables


@pytest.fixture
def images(tmp_path: Path, sample: Path) -> Path:
    """Return a copy of the sample that the test may change."""
    return shutil.copytree(sample, tmp_path / "images")


@pytest.fixture
def output(tmp_path: Path, seeded: Weights, exported: ExportedModel) -> Path:
    """Return an output folder that already contains the exported model, which saves ten seconds."""
    root = Storage((tmp_path / "output").as_uri())
    root.create()
    save_model(root, model_id_of(seeded), seeded, exported)
    return root.local_path


@pytest.fixture
def run_pipeline(
    images: Path, output: Path, session_at: Callable[[Path], SparkSession], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Summary]:
    """Return a function that runs the pipeline on `images` in this process, with the given settings."""
    monkeypatch.setattr("spark_app.pipeline.open_session", lambda *_: nullcontext(session_at(output)))

    def run_it(**settings: object) -> Summary:
        defaults = {"images": images.as_uri(), "output": output.as_uri(), "weights": "seeded", "mode": Mode.RECONCILE}
        return run(RunSettings(**defaults | settings), PlainReporter(io.StringIO()), {})

    return run_it


@pytest.fixture
def results(output: Path) -> Callable[[], Path]:
    """Return a function that returns the folder of the last complete results."""
    return lambda: output / Latest.from_json((output / "results/latest.json").read_bytes()).results


@pytest.fixture
def picture() -> Iterator[Callable[..., bytes]]:
    """Return a function that encodes a small picture."""

    def encode(image_format: str, image: Image.Image | None = None, **options: object) -> bytes:
        buffer = io.BytesIO()
        (image or Image.linear_gradient("L").convert("RGB")).save(buffer, image_format, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def local_aws() -> Iterator[str]:
    """Return the URL of an empty AWS on this machine."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(local_aws: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Configure this process to use only the AWS of this machine, in the region of Ireland."""
    use_aws_at(local_aws, monkeypatch)
    return local_aws
