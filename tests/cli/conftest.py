"""Fixtures of the tests of commands."""

import pytest

from contract.summary import Counts, MatrixFile, PcaSummary, Snapshots, Summary, WeightsSummary


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
