"""Tests of the PCA, with scikit-learn as the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from spark_app.numerics.components import ComponentCount, RequestedComponents, VarianceShare
from spark_app.numerics.pca import Basis, assess, assess_own, fit
from spark_app.numerics.statistics import Statistics

D = 12


def _samples(n: int = 200, seed: int = 0) -> np.ndarray:
    """Draw vectors far from zero whose variance decreases from direction to direction."""
    random = np.random.default_rng(seed)
    return random.normal(size=(n, D)) @ (random.normal(size=(D, D)) * 0.7 ** np.arange(D)[:, None]) + 50


def _fit(samples: np.ndarray, components: RequestedComponents, *, standardize: bool = False) -> Basis:
    return fit(Statistics.of(samples), components, standardize=standardize)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("components", [*map(ComponentCount, (1, 5, D)), *map(VarianceShare, (0.5, 0.95, 0.999))])
def test_the_basis_is_scikit_learns(components: RequestedComponents, standardize: bool) -> None:  # noqa: FBT001 -- a parameter
    """Components, signs, variances, ratios, projections and the count for a share equal those of scikit-learn."""
    samples = _samples()
    seen = StandardScaler().fit_transform(samples) if standardize else samples
    oracle = PCA(components.number, svd_solver="full").fit(seen)
    basis = _fit(samples, components, standardize=standardize)
    np.testing.assert_allclose(basis.components, oracle.components_, atol=1e-9)
    np.testing.assert_allclose(basis.explained_variance, oracle.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(basis.explained_variance_ratio, oracle.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(basis.project(samples), oracle.transform(seen), atol=1e-8)


@given(
    n=st.integers(1, 30),
    components=st.sampled_from([*map(ComponentCount, (1, 3, D)), *map(VarianceShare, (0.5, 0.99))]),
    seed=st.integers(0, 1000),
)
def test_few_images_give_a_result(n: int, components: RequestedComponents, seed: int) -> None:
    """Any number of images gives orthonormal components: as many as requested, or as the images allow."""
    basis = _fit(_samples(n, seed), components)
    k = len(basis.components)
    assert 1 <= k <= max(1, n - 1)
    np.testing.assert_allclose(basis.components @ basis.components.T, np.eye(k), atol=1e-9)
    assert 0 <= basis.captured <= 1 + 1e-12


def test_decompositions_use_one_thread_of_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of BLAS that wait for each other would take many times as long on a busy machine.

    Afterwards, BLAS has the threads that it had.
    """

    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    used = []
    for name in ("eigh", "eigvalsh", "qr"):
        original = getattr(np.linalg, name)
        monkeypatch.setattr(np.linalg, name, lambda a, f=original: (used.append(threads()), f(a))[1])
    with threadpool_limits(2, user_api="blas"):
        assess(_fit(_samples(), ComponentCount(3)), Statistics.of(_samples(seed=1)))
        assert used == [{1}] * 3
        assert threads() == {2}


def test_signs_are_fixed_by_the_largest_loading() -> None:
    """Mirrored data give the same components, so that runs agree."""
    samples = _samples()
    first, mirrored = _fit(samples, ComponentCount(5)), _fit(-samples, ComponentCount(5))
    np.testing.assert_allclose(first.components, mirrored.components, atol=1e-9)
    assert (first.components[np.arange(5), np.abs(first.components).argmax(axis=1)] > 0).all()


def test_a_constant_feature_is_left_alone_when_standardizing() -> None:
    """The rounding error of a dead feature, of which ReLU networks have many, is not amplified."""
    samples = _samples()
    samples[:, 3] = 0.1
    basis = _fit(samples, ComponentCount(5), standardize=True)
    assert basis.scale[3] == 1.0
    assert np.isfinite(basis.components).all()
    assert abs(basis.components[:, 3]).max() < 1e-9


def test_equal_images_have_no_variance_and_that_is_no_error() -> None:
    """A hundred copies of one image have the same coordinates, except for rounding."""
    samples = np.full((100, D), 0.3)
    basis = _fit(samples, VarianceShare(0.95))
    assert basis.explained_variance.max() < 1e-24
    np.testing.assert_allclose(basis.project(samples), 0.0, atol=1e-12)


def test_no_images_have_no_basis() -> None:
    """Fitting a basis to no images is an error."""
    with pytest.raises(ValueError, match="at least one"):
        fit(Statistics.empty(D), ComponentCount(3))


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("k", [1, 4, D])
def test_a_basis_is_compared_with_the_best_for_the_present_vectors(k: int, standardize: bool) -> None:  # noqa: FBT001
    """The assessment equals the variances of the coordinates, and a comparison with the best basis of scikit-learn."""
    basis = _fit(_samples(seed=1), ComponentCount(k), standardize=standardize)
    samples = np.concatenate([_samples(seed=1), _samples(300, seed=2) * np.geomspace(0.5, 3, D)])
    found = assess(basis, Statistics.of(samples), standardize=standardize)

    coordinates = basis.project(samples)
    np.testing.assert_allclose(found.variances, coordinates.var(axis=0, ddof=1), rtol=1e-9)
    whole = (samples / basis.scale).var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(found.ratios, found.variances / whole, rtol=1e-9)
    assert found.captured == pytest.approx(found.ratios.sum())

    seen = StandardScaler().fit_transform(samples) if standardize else samples
    oracle = PCA(svd_solver="full").fit(seen)
    np.testing.assert_allclose(found.spectrum, oracle.explained_variance_, rtol=1e-8, atol=1e-9)
    deviations = samples.std(axis=0) if standardize else np.ones(D)
    span = basis.components * deviations / basis.scale
    in_span = (seen - seen.mean(axis=0)) @ np.linalg.pinv(span) @ span
    expected = in_span.var(axis=0, ddof=1).sum() / oracle.explained_variance_[:k].sum()
    assert found.of_best == pytest.approx(expected, rel=1e-8)
    assert found.of_best < 0.999 or k == D


@pytest.mark.parametrize("standardize", [False, True])
def test_no_basis_is_better_than_a_new_one(standardize: bool) -> None:  # noqa: FBT001 -- a parameter
    """Both assessments of a basis agree for the vectors that it was fitted to."""
    statistics = Statistics.of(_samples())
    basis = fit(statistics, ComponentCount(4), standardize=standardize)
    found, own = assess(basis, statistics, standardize=standardize), assess_own(basis)
    assert found.of_best == pytest.approx(1.0, abs=1e-12)
    assert own.of_best == 1.0
    for name in ("variances", "ratios", "spectrum"):
        np.testing.assert_allclose(getattr(found, name), getattr(own, name), rtol=1e-8, atol=1e-10)


def test_vectors_without_variance_are_served_by_any_basis() -> None:
    """Equal vectors lose nothing with any basis, and cause no division by zero."""
    basis = _fit(_samples(), ComponentCount(3))
    found = assess(basis, Statistics.of(np.ones((1, D))))
    assert (found.of_best, found.captured) == (1.0, 0.0)
