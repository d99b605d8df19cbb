"""Tests of the limits of outliers, with SciPy and simulated normal data as oracles."""

import math

import numpy as np
import pytest
from scipy import stats

from spark_app.numerics.limits import hotelling_limit, residual_limit, upper_fence

CONFIDENCES = (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999)


@pytest.mark.parametrize("k", [1, 2, 5, 50, 205, 1280])
@pytest.mark.parametrize("n", [2, 3, 10, 206, 1_281, 5_000, 200_000, 10_000_000])
def test_the_limit_of_hotelling_is_that_of_the_exact_f_distribution(k: int, n: int) -> None:
    """With the quantile of SciPy, the limit is equal to 1e-7; there is none with no more vectors than components."""
    for confidence in CONFIDENCES:
        found = hotelling_limit(k, n, confidence)
        if n <= k:
            assert found == math.inf
        else:
            expected = k * (n**2 - 1) / (n * (n - k)) * stats.f.ppf(confidence, k, n - k)
            assert found == pytest.approx(expected, rel=1e-7)


def test_the_limit_of_hotelling_covers_normal_vectors() -> None:
    """Of new normal vectors, the share given by the confidence is below the limit, with 30 fitted ones as with many."""
    random = np.random.default_rng(0)
    below = []
    for _ in range(2_000):
        fitted, new = random.normal(size=(30, 5)), random.normal(size=(10, 5))
        offset = new - fitted.mean(axis=0)
        inverse = np.linalg.inv(np.cov(fitted, rowvar=False))
        below.append(np.einsum("ij,jk,ik->i", offset, inverse, offset) <= hotelling_limit(5, 30, 0.95))
    assert np.mean(below) == pytest.approx(0.95, abs=0.008)


SPECTRA = {
    "one": (np.ones(1), 1),
    "equal": (np.ones(1), 40),
    "decreasing": (np.arange(1, 44.0) ** -0.5, 25),
    "steep": (np.geomspace(1, 1e-6, 60), 1),
    "dominated": (np.array([1.0, *[0.004] * 5]), [1, *[100] * 5]),
    "strongly dominated": (np.array([1.0, 0.01]), [1, 2_000]),
}
"""Residual eigenvalues, and how often each occurs. One direction dominates the last two, so h0 is negative."""


@pytest.mark.parametrize("name", SPECTRA)
def test_the_limit_of_the_residual_covers_normal_vectors(name: str) -> None:
    """The share of normal vectors above the limit is that promised, up to a quarter and the error of the simulation."""
    values, repeats = SPECTRA[name]
    # The sum of squares along directions of equal variance has a chi-squared distribution.
    residuals = np.random.default_rng(1).chisquare(repeats, (60_000, len(values))) @ values
    for confidence in (0.95, 0.99, 0.999):
        above = np.mean(residuals > residual_limit(np.repeat(values, repeats), confidence))
        error = 4 * math.sqrt((1 - confidence) / len(residuals))
        assert above == pytest.approx(1 - confidence, rel=0.25, abs=error)


def test_the_limit_of_equal_eigenvalues_is_nearly_a_quantile_of_chi_squared() -> None:
    """With m equal eigenvalues, Q has a chi-squared distribution; the limit is within 0.5 % of it."""
    for m in (20, 100, 1_000):
        assert residual_limit(np.full(m, 3.0), 0.999) == pytest.approx(3 * stats.chi2.ppf(0.999, m), rel=0.005)


def test_the_limit_of_the_residual_follows_the_unit() -> None:
    """In other units, even extreme ones, the limit is scaled like the eigenvalues; zero eigenvalues change nothing."""
    for values in (np.repeat(*spectrum) for spectrum in SPECTRA.values()):
        limit = residual_limit(values, 0.99)
        for factor in (1e-150, 7.0, 1e150):
            assert residual_limit(values * factor, 0.99) == pytest.approx(limit * factor, rel=1e-9)
        assert residual_limit(np.append(values, [0.0, 0.0]), 0.99) == pytest.approx(limit, rel=1e-12)


def test_without_residual_variance_the_limit_is_zero() -> None:
    """If all components are retained, or none of the others has any variance, every residual is noise."""
    assert residual_limit(np.zeros(0), 0.99) == 0
    assert residual_limit(np.zeros(5), 0.99) == 0


def test_the_fence_is_above_the_third_quartile_and_ignores_missing_values() -> None:
    """The fence is Q3 + 1.5 IQR of the values that are there; without any, nothing is above it."""
    values = np.random.default_rng(2).normal(size=101)
    expected = np.percentile(values, 75) + 1.5 * stats.iqr(values)
    assert upper_fence(values) == pytest.approx(expected, rel=1e-12)
    assert upper_fence(np.append(values, [np.nan] * 50)) == upper_fence(values)
    assert upper_fence(np.array([0.0, 1, 2, 3, 4]), 3.0) == 9
    assert upper_fence(np.full(3, np.nan)) == math.inf


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 2.0, math.nan])
def test_a_confidence_that_is_no_share_is_refused(confidence: float) -> None:
    """A confidence outside (0, 1) has no limit."""
    with pytest.raises(ValueError, match="the confidence must be between 0 and 1"):
        hotelling_limit(2, 10, confidence)
    with pytest.raises(ValueError, match="the confidence must be between 0 and 1"):
        residual_limit(np.ones(2), confidence)


def test_impossible_numbers_are_refused() -> None:
    """No component, and a negative variance, are errors."""
    with pytest.raises(ValueError, match="number of components must be positive, not 0"):
        hotelling_limit(0, 10, 0.9)
    with pytest.raises(ValueError, match="an eigenvalue is negative"):
        residual_limit(np.array([1.0, -1e-9]), 0.9)
