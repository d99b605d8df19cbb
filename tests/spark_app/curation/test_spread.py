"""Tests of the positions of images among the components."""

import numpy as np
import pytest

from contract.findings import Kind
from spark_app.curation import corpus, spread
from spark_app.curation.corpus import HeldCoordinates, run_here
from spark_app.curation.outliers import find_label_outliers, find_outliers
from spark_app.curation.spread import Spread, measure_spread
from spark_app.numerics.label_statistics import LabelStatistics
from spark_app.numerics.pca import Basis
from tests.spark_app.curation.synthetic import Drawn, K, draw, labelled


def _measure(drawn: Drawn, groups: np.ndarray) -> Spread:
    return measure_spread(drawn.images, groups, HeldCoordinates(drawn.vectors), np.ones(K), run_here)


def test_the_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups within a block, over several blocks, and larger than a block are taken out of their label alike."""
    rng = np.random.default_rng(2)
    drawn = draw(rng, 400)
    groups = np.where(rng.random(400) < 0.5, np.arange(400), rng.integers(0, 60, 400))
    groups[rng.random(400) < 0.2] = 7
    whole = _measure(drawn, groups)
    monkeypatch.setattr(spread, "BLOCK_ROWS", 30)
    monkeypatch.setattr(spread, "in_blocks", lambda images: corpus.in_blocks(images, 23))
    cut = _measure(drawn, groups)
    for name, expected in _columns(whole).items():
        np.testing.assert_allclose(_columns(cut)[name], expected, rtol=1e-9)


def _columns(found: Spread) -> dict[str, np.ndarray]:
    return {name: column for owner in (found, found.labels) for name, column in vars(owner).items() if name != "labels"}


def test_an_image_is_compared_with_the_others_of_its_label_outside_of_its_group() -> None:
    """The distances are those that a loop over the images computes."""
    drawn = draw(np.random.default_rng(4), 120)
    groups = np.arange(120) // 3
    found = _measure(drawn, groups)
    codes, vectors = drawn.images.codes, drawn.vectors.astype(np.float64)
    for image in np.flatnonzero(codes >= 0):
        others = vectors[(codes == codes[image]) & (groups != groups[image])]
        centre = others.mean(axis=0)
        assert found.others[image] == len(others)
        assert found.distances[image] == pytest.approx(np.linalg.norm(vectors[image] - centre))
        assert found.spreads[image] == pytest.approx(np.sqrt(((others - centre) ** 2).sum(axis=1).mean()))


def _alone(hotelling: np.ndarray, **others: np.ndarray) -> Spread:
    nothing = np.full(len(hotelling), np.nan)
    columns = {"distances": nothing, "spreads": nothing, "others": np.full(len(hotelling), 9)} | others
    none = LabelStatistics.empty(0, 1)
    return Spread(none, hotelling, **columns, nearest_label=np.zeros(len(hotelling), np.int64))


def test_rounding_errors_are_no_outliers() -> None:
    """If the components span all features, the residuals are rounding errors, however much they differ."""
    basis = Basis(np.zeros(8), np.ones(8), np.eye(4, 8), np.array([4, 3, 2, 1, 0, 0, 0, 0.0]), 40)
    residuals = np.full(40, 1e-15, np.float32)
    residuals[3] = 1e-12
    spread_ = _alone(np.full(40, 4.0))
    assert not find_outliers(spread_, residuals, basis, 0.999).details


def test_an_image_without_residual_is_judged_by_its_coordinates() -> None:
    """The detail of such an outlier names no residual."""
    basis = Basis(np.zeros(8), np.ones(8), np.eye(4, 8), np.array([4, 3, 2, 1, 0.5, 0.5, 0.5, 0.5]), 400)
    hotelling = np.full(400, 4.0)
    hotelling[7] = 900
    found = find_outliers(_alone(hotelling), np.full(400, np.nan, np.float32), basis, 0.999)
    assert (found.kind, found.images.tolist()) == (Kind.OUTLIER, [7])
    assert "Q" not in found.details[0]


def test_a_label_of_few_images_has_no_outliers() -> None:
    """Five other images are needed, and they must differ from each other."""
    images = labelled("AAAA")
    columns = {"distances": np.full(4, 9.0), "spreads": np.array([1.0, 1, 0, 9]), "others": np.array([5, 4, 5, 5])}
    found = find_label_outliers(images, _alone(np.zeros(4), **columns), 1.6)
    assert found.images.tolist() == [0]
