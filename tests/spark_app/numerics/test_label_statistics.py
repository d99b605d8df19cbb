"""Tests of the statistics of labels, and of the comparisons with them, with loops over the images as the oracle."""

from dataclasses import dataclass

import numpy as np
import pytest

from spark_app.numerics.label_statistics import (
    GroupSums,
    LabelStatistics,
    distances_to_own,
    nearest_centroids,
    shared_groups,
)

K = 6
LABELS = 5


@dataclass(frozen=True, eq=False)
class _Images:
    codes: np.ndarray
    vectors: np.ndarray
    groups: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "_Images":
        return _Images(self.codes[chosen], self.vectors[chosen], self.groups[chosen])


def _images(n: int, seed: int, offset: float = 0.0) -> _Images:
    """Return images of some labels and groups: groups of several labels, no label, labels without images."""
    random = np.random.default_rng(seed)
    codes = random.integers(-1, LABELS - 1, n)
    groups = random.integers(0, max(n // 2, 1), n)
    vectors = random.normal(size=(n, K)) + random.normal(size=(LABELS + 1, K))[codes] * 2 + offset
    return _Images(codes, vectors.astype(np.float32), groups)


def _of(images: _Images) -> LabelStatistics:
    return LabelStatistics.of(images.codes, images.vectors, LABELS)


def _parts(images: _Images, seed: int) -> list[_Images]:
    """Cut images in random parts, of which some can be empty."""
    random = np.random.default_rng(seed)
    n = len(images.codes)
    return [images[part] for part in np.split(random.permutation(n), np.sort(random.integers(0, n + 1, 3)))]


def _both(images: _Images, seed: int) -> tuple[LabelStatistics, GroupSums]:
    """Compute the statistics and the sums of the groups in blocks."""
    statistics, removed = LabelStatistics.empty(LABELS, K), GroupSums.none(K)
    for part in _parts(images, seed):
        statistics = statistics.merge(_of(part))
        removed = removed.merge(GroupSums.of(part.codes, part.vectors, part.groups))
    return statistics, removed


def _assert_same(found: LabelStatistics, images: _Images) -> None:
    for code in range(LABELS):
        vectors = images.vectors[images.codes == code].astype(np.float64)
        assert found.counts[code] == len(vectors)
        if len(vectors):
            mean = vectors.mean(axis=0)
            np.testing.assert_allclose(found.means[code], mean, rtol=1e-12, atol=1e-12)
            assert found.scatters[code] == pytest.approx(((vectors - mean) ** 2).sum(), rel=1e-8, abs=1e-9)
        else:
            assert not found.means[code].any()
            assert found.scatters[code] == 0


def _others(images: _Images, image: int, code: int) -> np.ndarray:
    """Return the vectors of a label that are not in the group of the image, if it is the image's label."""
    chosen = images.codes == code
    if images.codes[image] == code:
        chosen &= images.groups != images.groups[image]
    return images.vectors[chosen].astype(np.float64)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("offset", [0.0, 1_000.0])
def test_merged_parts_equal_the_whole_and_can_be_taken_out(seed: int, offset: float) -> None:
    """The statistics of parts merge to those of all vectors; without those of a part, those of the rest remain."""
    images = _images(60, seed, offset)
    *parts, last = _parts(images, seed)
    merged = LabelStatistics.empty(LABELS, K)
    for part in parts:
        merged = merged.merge(_of(part))
    whole = merged.merge(_of(last))
    _assert_same(whole, images)
    rest = _Images(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("codes", "vectors", "groups"))
    )
    _assert_same(whole.unmerge(_of(last)), rest)
    _assert_same(whole.unmerge(whole), images[:0])


@pytest.mark.parametrize("seed", range(10))
def test_images_are_compared_with_the_others_of_their_label(seed: int) -> None:
    """Distance, spread and number of the label's images are those without the group of the image, in any blocks."""
    images = _images(int(np.random.default_rng(seed).integers(1, 60)), seed)
    own_groups = _Images(images.codes, images.vectors, shared_groups(images.groups))
    statistics, removed = _both(own_groups, seed)
    compared = distances_to_own(statistics, removed, images.codes, images.vectors, own_groups.groups)
    for image, (distance, spread, count) in enumerate(zip(*compared, strict=True)):
        others = _others(images, image, images.codes[image]) if images.codes[image] >= 0 else images.vectors[:0]
        assert count == len(others)
        if len(others):
            mean = others.mean(axis=0)
            assert distance == pytest.approx(np.linalg.norm(images.vectors[image] - mean), rel=1e-9)
            expected = np.sqrt(((others - mean) ** 2).sum(axis=1).mean())
            assert spread == pytest.approx(expected, rel=1e-6, abs=1e-9)
        else:
            assert np.isnan(distance)
            assert np.isnan(spread)


def _nearest_labels(
    statistics: LabelStatistics, removed: GroupSums, codes: np.ndarray, vectors: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    own, _, _ = distances_to_own(statistics, removed, codes, vectors, groups)
    return nearest_centroids(statistics, own, codes, vectors)


@pytest.mark.parametrize("seed", range(10))
def test_the_nearest_centroid_leaves_the_group_out_of_its_own_label(seed: int) -> None:
    """The nearest centroid is that of a loop over the labels; a label without other images never wins."""
    images = _images(int(np.random.default_rng(seed).integers(1, 60)), seed)
    groups = shared_groups(images.groups)
    statistics, removed = _both(_Images(images.codes, images.vectors, groups), seed)
    found = _nearest_labels(statistics, removed, images.codes, images.vectors, groups)
    for image, code in enumerate(found):
        distances = [
            np.linalg.norm(images.vectors[image] - others.mean(axis=0)) if len(others) else np.inf
            for others in (_others(images, image, label) for label in range(LABELS))
        ]
        assert code == (np.argmin(distances) if np.isfinite(min(distances)) else -1)


def test_comparisons_do_not_depend_on_the_block() -> None:
    """Images get the same numbers alone as in a block, bit by bit, even if centroids are equally near."""
    images = _images(200, 0)
    images = _Images(images.codes, np.round(images.vectors).astype(np.float32), shared_groups(images.groups))
    statistics, removed = _both(images, 0)
    statistics.means[2] = statistics.means[1]
    arguments = (images.codes, images.vectors, images.groups)
    whole = distances_to_own(statistics, removed, *arguments)
    nearest = _nearest_labels(statistics, removed, *arguments)
    for size in (1, 7, 64):
        blocks = [tuple(array[i : i + size] for array in arguments) for i in range(0, 200, size)]
        compared = zip(*(distances_to_own(statistics, removed, *block) for block in blocks), strict=True)
        for one, others in zip(whole, compared, strict=True):
            np.testing.assert_array_equal(one, np.concatenate(others))
        found = np.concatenate([_nearest_labels(statistics, removed, *block) for block in blocks])
        np.testing.assert_array_equal(nearest, found)
    unlabelled = images.codes < 0
    assert not (nearest[unlabelled] == 2).any()


def test_nearly_equal_distances_do_not_depend_on_the_block() -> None:
    """If rounding alone decides between centroids, it decides alike for an image alone and in a block."""
    random = np.random.default_rng(2)
    means = random.permuted(np.tile(random.normal(100, 1, 40), (50, 1)), axis=1)
    statistics = LabelStatistics(np.ones(50, np.int64), means, np.zeros(50))
    vectors = np.repeat(random.normal(100, 1, (64, 1)), 40, axis=1)
    codes, removed = np.full(64, -1), GroupSums.none(40)
    whole = _nearest_labels(statistics, removed, codes, vectors, codes)
    alone = [_nearest_labels(statistics, removed, codes[:1], vectors[i : i + 1], codes[:1]) for i in range(64)]
    np.testing.assert_array_equal(whole, np.concatenate(alone))


def test_copies_have_no_spread() -> None:
    """The spread of equal images, and of a single other image, is exactly 0, not a rounding error."""
    random = np.random.default_rng(1)
    vectors = np.repeat(random.normal(1_000, 1, (2, K)).astype(np.float32), [5, 1], axis=0)
    codes, groups = np.zeros(6, np.int64), np.array([0, 0, 0, 0, 0, -1])
    statistics = LabelStatistics.of(codes, vectors, 1)
    _, spreads, counts = distances_to_own(statistics, GroupSums.of(codes, vectors, groups), codes, vectors, groups)
    assert counts.tolist() == [1, 1, 1, 1, 1, 5]
    assert spreads.tolist() == [0] * 6


def test_groups_of_one_image_are_not_shared() -> None:
    """Groups with several images stay, and the others become -1."""
    assert shared_groups(np.array([4, 0, 4, 2, 3, 3])).tolist() == [4, -1, 4, -1, 3, 3]
    assert shared_groups(np.zeros(0, np.int64)).tolist() == []


def test_no_images_have_no_comparison() -> None:
    """Empty blocks give empty results, and without labels no centroid is the nearest."""
    nothing = np.zeros(0, np.int64), np.zeros((0, K), np.float32), np.zeros(0, np.int64)
    one = np.array([-1]), np.zeros((1, K), np.float32), np.array([-1])
    for labels in (0, 3):
        empty = LabelStatistics.empty(labels, K)
        assert _nearest_labels(empty, GroupSums.none(K), *nothing).tolist() == []
        assert _nearest_labels(empty, GroupSums.none(K), *one).tolist() == [-1]
        assert [len(array) for array in distances_to_own(empty, GroupSums.none(K), *nothing)] == [0, 0, 0]


def test_what_does_not_belong_together_is_refused() -> None:
    """Too many vectors taken out, unknown codes and groups, and wrong shapes are errors."""
    images = _images(20, 0)
    statistics = _of(images)
    with pytest.raises(ValueError, match="can't take"):
        LabelStatistics.empty(LABELS, K).unmerge(statistics)
    with pytest.raises(ValueError, match="do not belong together"):
        statistics.merge(LabelStatistics.empty(LABELS + 1, K))
    with pytest.raises(ValueError, match="but 2 labels"):
        LabelStatistics.of(images.codes, images.vectors, 2)
    with pytest.raises(ValueError, match="but vectors of shape"):
        LabelStatistics.of(images.codes[1:], images.vectors, LABELS)
    with pytest.raises(ValueError, match="lack a group"):
        distances_to_own(statistics, GroupSums.none(K), images.codes, images.vectors, images.groups)
    with pytest.raises(ValueError, match="not statistics of labels"):
        LabelStatistics(np.zeros(2, np.int64), np.zeros((3, K)), np.zeros(2))
    with pytest.raises(ValueError, match="groups"):
        GroupSums(np.zeros(1, np.int64), np.zeros(2, np.int64), LabelStatistics.empty(2, K))
