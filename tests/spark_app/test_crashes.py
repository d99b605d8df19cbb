"""Tests of runs that end in the middle: killed before every lasting change, or stopped by a failure."""

import io
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from cli.main import main as fruits
from contract.layout import LAST_STATE
from contract.runs import Mode
from contract.summary import Latest
from spark_app import pipeline
from spark_app.engine.model import ExportedModel, model_id_of, save_model
from spark_app.engine.weights import Weights
from spark_app.progress import PlainReporter
from spark_app.settings import RunSettings
from spark_app.storage import Storage
from tests.published import read_matrix
from tests.spark_app import dying_run

ROOT = Path(__file__).parents[2]
CHUNK = {"reconcile": 100, "update": 7, "reprocess": 30}
TO_START = {"update": 18, "reprocess": 77}
AMID_A_SWITCH = ("IcebergTable.switch_to", "Storage.write results/latest.json", "IcebergTable.drop_branch")


@dataclass(frozen=True)
class Scene:
    """An environment with changed images, and the results that a run without a crash gives.

    Attributes
    ----------
    images, output
        Folders of the environment.
    counts
        Folder in which workers count the images that they compute.
    due
        Copy of the output before the run.
    ends
        Copy of the results of a run without a crash, by mode.
    jvm
        Environment variables of a process that uses the JVM of the tests.
    """

    images: Path
    output: Path
    counts: Path
    due: Path
    ends: dict[str, Path]
    jvm: dict[str, str]

    def run(self, mode: str, event: int | str = 0) -> int | None:
        """Run in the warm JVM, killed before an event unless it is 0, and return the exit code."""
        # The fork server has imported everything, which saves a second in each of sixty runs.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([dying_run.__name__])
        process = context.Process(target=dying_run.main, args=(self._arguments(mode, event), self.jvm))
        process.start()
        process.join()
        return process.exitcode

    def run_alone(self, mode: str, **process: Any) -> int:  # noqa: ANN401 -- options of subprocess
        """Run with a separate JVM, and return the exit code."""
        command = [sys.executable, "-m", dying_run.__name__, *self._arguments(mode, 0)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return int(subprocess.run(command, check=False, cwd=ROOT, env=environment, **process).returncode)

    def _arguments(self, mode: str, event: int | str) -> list[str]:
        return list(map(str, (event, self.counts, self.images, self.output, mode, CHUNK[mode])))

    def begin_again(self) -> None:
        """Restore the state before the run."""
        shutil.rmtree(self.output, ignore_errors=True)
        shutil.copytree(self.due, self.output)  # at the same path: tables name their files by absolute paths
        for file in self.counts.iterdir():
            file.unlink()

    def count(self, name: str) -> int:
        """Return the number of images that runs have `started` to compute, or that the network has `computed`."""
        return sum(file.stat().st_size for file in self.counts.glob(f"*{name}"))

    @property
    def latest(self) -> Path:
        """Folder of the last complete results."""
        return self.output / Latest.from_json((self.output / "results/latest.json").read_bytes()).results

    def assert_ended(self, mode: str) -> None:
        """Check that the results are those of a run without a crash."""
        keys, coordinates = read_matrix(self.latest)
        expected_keys, expected = read_matrix(self.ends[mode])
        assert keys == expected_keys
        np.testing.assert_allclose(coordinates, expected, atol=1e-3 * np.abs(expected).max())
        for name in ("rejects.csv", "findings.csv"):
            assert (self.latest / name).read_bytes() == (self.ends[mode] / name).read_bytes()
        assert list((self.output / "inbox").glob("*.jsonl")) == []
        # What a killed run has staged stays until `maintain` deletes it.
        last = json.loads((self.output / "results/latest.json").read_bytes())["run_id"]
        assert not (self.output / "staging" / last).exists()


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory,
    sample: Path,
    seeded: Weights,
    exported: ExportedModel,
    warm: SparkSession,
) -> Scene:
    """Make a scene: an environment with new, replaced and removed images, and with notices of them."""
    folder = tmp_path_factory.mktemp("scene")
    names = ("images", "output", "counts", "due", "update", "reprocess")
    images, output, counts, due, *ends = (folder / name for name in names)
    scene = Scene(images, output, counts, due, dict(zip(("update", "reprocess"), ends, strict=True)), _jvm(warm))
    shutil.copytree(sample, images)
    counts.mkdir()
    output.mkdir()
    save_model(Storage(output.as_uri()), model_id_of(seeded), seeded, exported)
    assert scene.run("reconcile") == 0
    _change(images, output)
    shutil.copytree(output, due)
    for mode, end in scene.ends.items():
        scene.begin_again()
        assert scene.run(mode) == 0
        shutil.copytree(scene.latest, end)
    return scene


@pytest.fixture
def scene(prepared: Scene) -> Scene:
    """Return the scene in its state before the run."""
    prepared.begin_again()
    return prepared


def _jvm(spark: SparkSession) -> dict[str, str]:
    gateway = spark.sparkContext._gateway.gateway_parameters  # type: ignore[union-attr]  # noqa: SLF001
    return {"PYSPARK_GATEWAY_PORT": str(gateway.port), "PYSPARK_GATEWAY_SECRET": gateway.auth_token}


def _change(images: Path, output: Path) -> None:
    """Add twelve images, replace six, remove one image and one broken file, and write notices of all of them."""
    for number in range(2):
        shutil.copytree(images / "Plum", images / f"New {number}")
    for number, file in enumerate(images.glob("Orange/*")):
        Image.new("RGB", (30, 20), (9, 99, 20 * number)).save(file)
    (images / "Plum/view 000.jpg").unlink()
    (images / "Broken/empty.jpg").unlink()
    changed = ["New 0", "New 1", "Orange", "Plum/view 000.jpg", "Broken/empty.jpg"]
    assert fruits(["notify", "--images", str(images), "--output", str(output), *changed]) == 0


@pytest.mark.parametrize(("mode", "first_stride", "points"), [("update", 3, 7), ("reprocess", 8, 3)])
def test_a_run_killed_anywhere_is_finished_by_the_next(
    scene: Scene, warm: SparkSession, mode: str, first_stride: int, points: int
) -> None:
    """The results after any crashes are those of a run without a crash, and each crash loses at most one chunk.

    Each run is killed one stride of events later than the run before it, and continues from its state, until one run
    succeeds. Then the scene begins again with later kills. The last complete results are readable at all times.
    """
    matrix = read_matrix(scene.latest)[1]
    event, deaths, stride = first_stride, 0, first_stride
    while died := _lives_until_one_gets_through(scene, warm, (mode, event, stride), matrix):
        event += stride * len(died)
        deaths += len(died)
        scene.assert_ended(mode)
        amid_images = [death for death in died if "commit" in death or "chunk" in death]
        # A reprocess that was killed after the switch is complete, so the next one begins with the first image.
        complete = [death for death in died if mode == "reprocess" and ("inbox/" in death or LAST_STATE in death)]
        # Chunks depend on hashes of the keys, so some of them are larger than CHUNK.
        at_most = TO_START[mode] * (1 + len(complete)) + 2 * CHUNK[mode] * len(amid_images)
        assert TO_START[mode] <= scene.count("started") <= at_most
        scene.begin_again()
        stride += stride == first_stride
    assert deaths >= points


def _lives_until_one_gets_through(
    scene: Scene, warm: SparkSession, fate: tuple[str, int, int], matrix: np.ndarray
) -> list[str]:
    """Run until a run succeeds, and return the events before which the other runs were killed."""
    mode, event, stride = fate
    before = scene.latest
    while scene.run(mode, event) != 0:
        warm.sparkContext.cancelAllJobs()  # jobs of the killed run
        if scene.latest == before:
            np.testing.assert_array_equal(read_matrix(scene.latest)[1], matrix)
        event += stride
    log = scene.counts / "deaths.log"
    return log.read_text().splitlines() if log.exists() else []


def test_maintenance_leaves_nothing_of_killed_runs(
    scene: Scene,
    warm: SparkSession,
    session_at: Callable[[Path], SparkSession],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After kills while a run publishes, another run, and `maintain`, only files of complete runs are left."""
    for event in ("chunk committed", "Storage.write pca/", "Storage.write results/", *AMID_A_SWITCH):
        assert scene.run("reprocess", event) == -signal.SIGKILL, event
        warm.sparkContext.cancelAllJobs()  # jobs of the killed run
    assert scene.run("reprocess") == 0
    settings = RunSettings(
        images=scene.images.as_uri(), output=scene.output.as_uri(), mode=Mode.MAINTAIN, retention_days=0.0
    )
    monkeypatch.setattr(pipeline, "open_session", lambda *_: nullcontext(session_at(scene.output)))
    pipeline.maintain(settings, PlainReporter(io.StringIO()), {})
    summaries = list(scene.output.glob("results/*/summary.json"))
    used = {json.loads(file.read_bytes())["pca_version"] for file in summaries}
    assert {folder.name for folder in scene.output.glob("pca/*")} == used
    assert set(scene.output.glob("results/*/")) == {file.parent for file in summaries}
    assert not list(scene.output.glob("staging/*"))
    names = [file.name for file in scene.output.rglob("*")]
    assert not [name for name in names if "#" in name or name.endswith(".temp")]
    checksums = list(scene.output.glob("tables/*/*/*/.*.crc"))
    assert all(file.with_name(file.name[1:].removesuffix(".crc")).exists() for file in checksums)


def test_a_worker_that_is_killed_costs_its_task(scene: Scene) -> None:
    """Spark repeats the task of a killed worker, and no row is missing or duplicated."""
    (scene.counts / "kill").touch()
    assert scene.run_alone("update") == 0
    assert not (scene.counts / "kill").exists()
    assert TO_START["update"] < scene.count("computed") <= TO_START["update"] + CHUNK["update"]
    scene.assert_ended("update")


def _no_file_above(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_publishes_nothing(scene: Scene) -> None:
    """Runs that can write neither the features nor the statistics fail, and the next run completes their work."""
    before = scene.latest
    for size in (30_000, 1_000_000):
        full = partial(_no_file_above, size)
        assert scene.run_alone("update", stderr=subprocess.DEVNULL, preexec_fn=full) == 1
    assert scene.latest == before
    assert scene.run("update") == 0
    scene.assert_ended("update")
