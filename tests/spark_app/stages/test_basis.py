"""Tests of the choice of the basis, and of the statistics in its folder."""

from pathlib import Path

import numpy as np
import pytest

from spark_app.numerics.components import ComponentCount, RequestedComponents, VarianceShare
from spark_app.numerics.pca import Assessment, fit
from spark_app.numerics.statistics import Statistics
from spark_app.settings import FEATURE_COUNT, RunSettings
from spark_app.stages.basis import why_refit
from spark_app.stages.statistics import FeatureStatistics, load_statistics, save_statistics
from spark_app.storage import Storage

K = 5


def _settings(components: RequestedComponents) -> RunSettings:
    return RunSettings(images="file:///images", output="file:///output", components=components, refit_threshold=0.98)


def _assessment(captured: float, of_best: float) -> Assessment:
    return Assessment(np.ones(1), np.array([captured]), np.ones(1), of_best)


@pytest.mark.parametrize(
    ("components", "count", "captured", "of_best", "reason"),
    [
        (ComponentCount(K), 100, 0.3, 0.98, None),
        (ComponentCount(K), 100, 0.3, 0.979, "captures only 97.90% of what the best basis of 5 components captures"),
        (ComponentCount(K + 3), K + 1, 0.3, 1.0, None),
        (ComponentCount(K + 3), 100, 0.3, 1.0, "100 images allow 8 components, the last basis has 5"),
        (ComponentCount(K + 3), K + 3, 0.3, 1.0, "8 images allow 7 components, the last basis has 5"),
        (VarianceShare(0.9), 100, 0.89, 0.99, None),
        (VarianceShare(0.9), 100, 0.88, 0.99, "captures only 88.0% of the variance, 90.0% is requested"),
    ],
)
def test_a_basis_is_kept_while_it_serves(
    components: RequestedComponents, count: int, captured: float, of_best: float, reason: str | None
) -> None:
    """The threshold applies to the variance of the best basis of the same size, and to the requested share."""
    samples = np.random.default_rng(0).normal(size=(50, 8))
    basis = fit(Statistics.of(samples), ComponentCount(K))
    found = why_refit(basis, _assessment(captured, of_best), count, _settings(components))
    assert found is None if reason is None else reason in (found or "")


def test_statistics_are_those_of_the_rows_they_were_made_of(tmp_path: Path) -> None:
    """Saved statistics are read exactly, and only for the rows that they describe."""
    root = Storage(tmp_path.as_uri())
    statistics = Statistics.of(np.random.default_rng(0).normal(size=(9, FEATURE_COUNT)))
    with pytest.raises(FileNotFoundError):
        load_statistics(root, "v", 7)
    save_statistics(root, "v", FeatureStatistics(statistics, 7, None, "updated"))
    loaded = load_statistics(root, "v", 7)
    assert loaded is not None
    assert (loaded.count, loaded.rounding) == (9, statistics.rounding)
    np.testing.assert_array_equal(loaded.scatter, statistics.scatter)
    np.testing.assert_array_equal(loaded.mean, statistics.mean)
    assert load_statistics(root, "v", 8) is None
    assert load_statistics(root, "v", None) is None
