"""Tests of the PCA, with scikit-learn as the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from spark_app.numerics.pca import Basis, fit
from spark_app.numerics.statistics import Statistics

D = 12


def _samples(n: int = 200, seed: int = 0) -> np.ndarray:
    """Vectors whose variances fall from direction to direction, far from zero."""
    random = np.random.default_rng(seed)
    return random.normal(size=(n, D)) @ (random.normal(size=(D, D)) * 0.7 ** np.arange(D)[:, None]) + 50


def _fit(samples: np.ndarray, components: float, *, standardize: bool = False) -> Basis:
    return fit(Statistics.of(samples), components, standardize=standardize)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("components", [1, 5, D, 0.5, 0.95, 0.999])
def test_the_basis_is_scikit_learns(components: float, standardize: bool) -> None:  # noqa: FBT001 -- a parameter
    """Components, signs, variances, ratios, projections and the count for a fraction agree with scikit-learn."""
    samples = _samples()
    seen = StandardScaler().fit_transform(samples) if standardize else samples
    oracle = PCA(components, svd_solver="full").fit(seen)
    basis = _fit(samples, components, standardize=standardize)
    np.testing.assert_allclose(basis.components, oracle.components_, atol=1e-9)
    np.testing.assert_allclose(basis.explained_variance, oracle.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(basis.explained_variance_ratio, oracle.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(basis.project(samples), oracle.transform(seen), atol=1e-8)


@given(n=st.integers(1, 30), components=st.sampled_from([1, 3, D, 0.5, 0.99]), seed=st.integers(0, 1000))
def test_few_images_give_a_result(n: int, components: float, seed: int) -> None:
    """Any number of images gives orthonormal components: as many as asked for, or as so few images allow."""
    basis = _fit(_samples(n, seed), components)
    k = len(basis.components)
    assert 1 <= k <= max(1, n - 1)
    np.testing.assert_allclose(basis.components @ basis.components.T, np.eye(k), atol=1e-9)
    assert 0 <= basis.captured <= 1 + 1e-12


def test_signs_are_fixed_by_the_largest_loading() -> None:
    """Mirrored data give the same components, not mirrored ones: runs agree."""
    samples = _samples()
    first, mirrored = _fit(samples, 5), _fit(-samples, 5)
    np.testing.assert_allclose(first.components, mirrored.components, atol=1e-9)
    assert (first.components[np.arange(5), np.abs(first.components).argmax(axis=1)] > 0).all()


def test_a_constant_feature_is_left_alone_when_standardizing() -> None:
    """A dead feature, of which ReLU networks have many, is not blown up by its rounding error."""
    samples = _samples()
    samples[:, 3] = 0.1
    basis = _fit(samples, 5, standardize=True)
    assert basis.scale[3] == 1.0
    assert np.isfinite(basis.components).all()
    assert abs(basis.components[:, 3]).max() < 1e-9


def test_equal_images_have_no_variance_and_that_is_no_error() -> None:
    """A hundred copies of one image lie on one point, but for rounding."""
    samples = np.full((100, D), 0.3)
    basis = _fit(samples, 0.95)
    assert basis.explained_variance.max() < 1e-24
    np.testing.assert_allclose(basis.project(samples), 0.0, atol=1e-12)


def test_no_images_have_no_basis() -> None:
    """Nothing is made up where there is nothing."""
    with pytest.raises(ValueError, match="at least one"):
        fit(Statistics.empty(D), 3)
