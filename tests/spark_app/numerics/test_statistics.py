"""Tests of merged and un-merged statistics, with NumPy as the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_app.numerics.statistics import Statistics, merge_all

D = 7


def _samples(n: int, seed: int, offset: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(offset, 1.0, (n, D))


def _assert_same(found: Statistics, samples: np.ndarray) -> None:
    """Compare with NumPy, which has all samples at once."""
    assert found.count == len(samples)
    scale = np.abs(samples).max()  # the rounding error of a mean near zero depends on the samples
    np.testing.assert_allclose(found.mean, samples.mean(axis=0), rtol=1e-12, atol=1e-15 * scale)
    expected = np.cov(samples, rowvar=False, ddof=0) * len(samples)
    np.testing.assert_allclose(found.scatter, expected, rtol=1e-9, atol=1e-9 * np.trace(expected))


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(lambda sizes: sum(sizes) > 1),
    seed=st.integers(0, 2**32 - 1),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
)
def test_merged_parts_equal_the_whole(sizes: list[int], seed: int, offset: float) -> None:
    """The merged statistics of any parts, even empty ones, equal those of all vectors, at any distance from zero."""
    samples = _samples(sum(sizes), seed, offset)
    parts = np.split(samples, np.cumsum(sizes)[:-1])
    _assert_same(merge_all(map(Statistics.of, parts), D), samples)


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[tuple[str, list[int]]], int, float]:
    """Draw changes of a set of vectors: each adds new vectors, or removes some of the present ones."""
    present: list[int] = []
    changes: list[tuple[str, list[int]]] = []
    for _ in range(draw(st.integers(1, 12))):
        if present and draw(st.booleans()):
            leaving = draw(st.lists(st.sampled_from(present), unique=True, min_size=1))
            present = [vector for vector in present if vector not in leaving]
            changes.append(("remove", leaving))
        else:
            first = sum(len(vectors) for what, vectors in changes if what == "add")
            arriving = list(range(first, first + draw(st.integers(1, 30))))
            present += arriving
            changes.append(("add", arriving))
    return changes, draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.0, 1.0, 1e3, 1e6]))


@given(_histories())
def test_followed_statistics_equal_computed_ones_or_warn(
    history: tuple[list[tuple[str, list[int]]], int, float],
) -> None:
    """After any changes, the statistics are correct to 1e-9, or their rounding error warns; no vectors give zeros."""
    changes, seed, offset = history
    samples = _samples(400, seed, offset) * np.geomspace(1, 1e-3, D)
    present: list[int] = []
    followed = Statistics.empty(D)
    for what, vectors in changes:
        part = Statistics.of(samples[vectors])
        followed = followed.merge(part) if what == "add" else followed.unmerge(part)
        present = present + vectors if what == "add" else [vector for vector in present if vector not in vectors]
        computed = Statistics.of(samples[present])
        assert followed.count == computed.count
        if followed.relative_rounding <= 1e-11:
            error = np.linalg.norm(followed.scatter - computed.scatter)
            assert error <= 1e-9 * np.linalg.norm(computed.scatter)
            np.testing.assert_allclose(followed.mean, computed.mean, rtol=1e-9)
    nothing = followed.unmerge(Statistics.of(samples[present]))
    assert nothing.count == 0
    assert not nothing.scatter.any()


def test_rounding_is_not_trusted_if_nearly_all_vectors_were_removed() -> None:
    """If two similar vectors remain of a thousand that differed by millions, their scatter is a rounding error."""
    samples = np.concatenate([_samples(1_000, 0, 0.0) * 1e6, _samples(2, 1, 0.0) * 1e-3])
    followed = Statistics.of(samples).unmerge(Statistics.of(samples[:-2]))
    assert followed.relative_rounding > 1e-11
    assert Statistics.of(samples).relative_rounding <= 1e-11


def test_no_more_vectors_can_be_removed_than_there_are() -> None:
    """Statistics of too many vectors are an error, and do not give a negative count."""
    with pytest.raises(ValueError, match="can't take 3 vectors out of 2"):
        Statistics.of(_samples(2, 0, 0.0)).unmerge(Statistics.of(_samples(3, 0, 0.0)))


def test_the_order_of_merging_matters_no_more_than_rounding() -> None:
    """Partitions in any order give the same result."""
    parts = [Statistics.of(_samples(n, n, 3.0)) for n in (1, 5, 100, 20)]
    forward, backward = merge_all(parts, D), merge_all(parts[::-1], D)
    np.testing.assert_allclose(forward.scatter, backward.scatter, rtol=1e-12, atol=1e-12)


def test_float32_features_are_summed_in_float64() -> None:
    """150,000 float32 values near 1000 keep their variance, which float32 sums would lose."""
    samples = (1000 + np.random.default_rng(0).normal(0, 0.01, (150_000, 2))).astype(np.float32)
    exact = samples.astype(np.longdouble)
    variance = ((exact - exact.mean(axis=0)) ** 2).sum(axis=0).astype(float)
    np.testing.assert_allclose(np.diag(Statistics.of(samples).scatter), variance, rtol=1e-9)


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    """Statistics of inconsistent shapes are refused when they are created."""
    with pytest.raises(ValueError, match="not statistics"):
        Statistics(1, np.zeros(3), np.zeros((2, 2)))
