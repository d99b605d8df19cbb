"""Tests of the choice of the basis, and of what is kept beside it."""

from pathlib import Path

import numpy as np
import pytest

from spark_app.numerics.pca import Assessment, fit
from spark_app.numerics.statistics import Statistics
from spark_app.settings import FEATURES, RunSettings
from spark_app.stages.basis import Described, load_statistics, save_statistics, why_refit
from spark_app.storage import Storage

K = 5


def _settings(components: float) -> RunSettings:
    return RunSettings(images="file:///images", output="file:///output", components=components, refit_threshold=0.98)


def _assessment(captured: float, of_best: float) -> Assessment:
    return Assessment(np.ones(1), np.array([captured]), np.ones(1), of_best)


@pytest.mark.parametrize(
    ("components", "count", "captured", "of_best", "reason"),
    [
        (K, 100, 0.3, 0.98, None),
        (K, 100, 0.3, 0.979, "captured only 97.90% of what the best 5 components can"),
        (K + 3, K + 1, 0.3, 1.0, None),
        (K + 3, 100, 0.3, 1.0, "100 images allow 8 components, the last one had 5"),
        (K + 3, K + 3, 0.3, 1.0, "8 images allow 7 components, the last one had 5"),
        (0.9, 100, 0.89, 0.99, None),
        (0.9, 100, 0.88, 0.99, "kept only 88.0% of the variance, 90.0% are asked for"),
    ],
)
def test_a_basis_is_kept_while_it_serves(
    components: float, count: int, captured: float, of_best: float, reason: str | None
) -> None:
    """The threshold is a share of the best basis of the size, and of the variance that was asked for."""
    samples = np.random.default_rng(0).normal(size=(50, 8))
    basis = fit(Statistics.of(samples), K)
    found = why_refit(basis, _assessment(captured, of_best), count, _settings(components))
    assert found is None if reason is None else reason in (found or "")


def test_statistics_are_those_of_the_rows_they_were_made_of(tmp_path: Path) -> None:
    """Kept to the last digit; not taken for those of any other state of the table, nor missed where there are none."""
    root = Storage(tmp_path.as_uri())
    statistics = Statistics.of(np.random.default_rng(0).normal(size=(9, FEATURES)))
    assert load_statistics(root, "v", 7) is None
    save_statistics(root, "v", Described(statistics, 7, is_stored=False))
    loaded = load_statistics(root, "v", 7)
    assert loaded is not None
    assert (loaded.count, loaded.rounding) == (9, statistics.rounding)
    np.testing.assert_array_equal(loaded.scatter, statistics.scatter)
    np.testing.assert_array_equal(loaded.mean, statistics.mean)
    assert load_statistics(root, "v", 8) is None
    assert load_statistics(root, "v", None) is None
