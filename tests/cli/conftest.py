"""Fixtures of the tests of commands."""

import io
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from contract.runs import Mode
from contract.summary import Counts, MatrixFile, PcaSummary, Snapshots, Summary, WeightsSummary
from spark_app.engine.model import ExportedModel, model_id_of, save_model
from spark_app.engine.weights import Weights
from spark_app.pipeline import run
from spark_app.progress import PlainReporter
from spark_app.settings import RunSettings
from spark_app.storage import Storage
from tests.made_once import made_once

COPY, MARKUP, FORMULA = "Plum/a copy.jpg", "Plum/<b>&'\".jpg", "=1+1.jpg"
"""Keys in `corpus`: a copy of `ORIGINAL`, a name with markup, and a formula of spreadsheets without a label."""

ORIGINAL = "Plum/view 000.jpg"


@pytest.fixture(scope="session")
def corpus(
    tmp_path_factory: pytest.TempPathFactory,
    sample: Path,
    seeded: Weights,
    exported: ExportedModel,
    session_at: Callable[[Path], SparkSession],
) -> Path:
    """Return the output of a run, for reading only. Its images are in the folder `images` beside it."""

    def make(folder: Path) -> None:
        images = shutil.copytree(sample, folder / "images")
        for key, source in {COPY: ORIGINAL, MARKUP: "Plum/view 001.jpg", FORMULA: "Orange/view 000.jpg"}.items():
            shutil.copy(images / source, images / key)
        root = Storage((folder / "output").as_uri())
        root.create()
        save_model(root, model_id_of(seeded), seeded, exported)
        settings = RunSettings(images=images.as_uri(), output=root.url, weights="seeded", mode=Mode.RECONCILE)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("spark_app.pipeline.open_session", lambda *_: nullcontext(session_at(root.local_path)))
            run(settings, PlainReporter(io.StringIO()), {})

    return made_once(tmp_path_factory, "corpus", make) / "output"


@pytest.fixture
def summary() -> Summary:
    """Return the summary of a successful run."""
    return Summary(
        run_id="20261120T121530Z-3fa94c",
        mode="update",
        started_at="2026-11-20T12:16:10+00:00",
        finished_at="2026-11-20T12:28:02+00:00",
        model_id="model",
        engine="litert",
        weights=WeightsSummary(kind="imagenet", sha256="0"),
        counts=Counts(images=90378, rejects=2),
        pca_version="20261119T080000Z-aaaaaa",
        pca=PcaSummary(
            requested=0.95,
            components=185,
            standardize=False,
            captured=0.95,
            of_best=1.0,
            kept=True,
            reason="it keeps enough",
            fitted_to=90000,
            refit_threshold=0.99,
        ),
        matrix=[MatrixFile(file="results/20261120T121530Z-3fa94c/pca.csv", first_key="", rows=90378)],
        snapshots=Snapshots(features=1, components=2, rejects=None),
        timings={},
        images_per_second=100.0,
        settings={},
        versions={},
    )
