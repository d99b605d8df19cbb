"""Tests of duplicates and near-duplicates as findings."""

from typing import Any

import numpy as np
import pyarrow as pa

from spark_app.curation.corpus import Corpus, HeldCoordinates, run_here
from spark_app.curation.duplicates import find_duplicates, find_near_duplicates_to_report
from spark_app.curation.found import Found
from spark_app.curation.images import IMAGE_ROWS, Images
from spark_app.curation.near_duplicates import ContentPairs, NearDuplicates, find_near_duplicates
from spark_app.numerics.neighbours import NearRule

ORIGIN = np.array([0, 0, 1], np.float32)

Row = dict[str, Any]


def _images(*rows: Row) -> Images:
    defaults = {"label": "A", "width": 100, "height": 100, "perceptual_hash": 0}
    named = [
        defaults | {"key": f"{number:03}.jpg", "row_id": number + 1, "content_id": number + 1} | row
        for number, row in enumerate(rows)
    ]
    return Images(pa.Table.from_pylist(named, schema=IMAGE_ROWS))


def _near(images: Images, directions: list[float], known: ContentPairs | None = None) -> NearDuplicates:
    """Find near-duplicates of images whose features have given directions in degrees."""
    angles = np.radians(directions)
    coordinates = HeldCoordinates(100 * np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    corpus = Corpus.of(images, coordinates, ORIGIN)
    return find_near_duplicates(images, corpus, NearRule(), known or ContentPairs.none(), run_here)


def _pairs(found: Found) -> list[tuple[int, int]]:
    return list(zip(found.images.tolist(), found.others.tolist(), strict=True))


def test_each_copy_refers_to_the_first_file() -> None:
    """Files with the same bytes are duplicates of the first one, and are worse if it has another label."""
    images = _images({"content_id": 7}, {}, {"content_id": 7}, {"content_id": 7, "label": "B"})
    found = find_duplicates(images)
    assert _pairs(found) == [(2, 0), (3, 0)]
    assert found.scores.tolist() == [1, 2]
    assert "another label" in found.details[1]


def test_images_that_were_not_measured_are_no_duplicates() -> None:
    """Two nulls are not the same content."""
    images = _images({"content_id": None}, {"content_id": None})
    assert not find_duplicates(images).details
    assert _near(images, [0, 0]).groups.tolist() == [0, 1]


def test_near_duplicates_are_similar_in_hash_and_in_features() -> None:
    """A pair needs both: nearly the same hash, and nearly the same direction of the features."""
    hashes = [0, 0b11, 0b11, 0b1111_1111, 0b1_1111_1111]
    images = _images(*({"perceptual_hash": bits} for bits in hashes))
    near = _near(images, [0, 35, 80, 20, 0])
    pairs = near.pairs
    found = {(int(near.first[a]), int(near.first[b])) for a, b in zip(pairs.left, pairs.right, strict=True)}
    # A cosine of 0.82 (35 degrees) is enough for two bits, and too little for seven; 0.71 is too little for none.
    assert found == {(0, 1), (0, 3), (1, 3), (3, 4)}


def test_the_largest_image_represents_its_group() -> None:
    """All others of the group refer to it, also those that are connected to it by others only."""
    images = _images({"perceptual_hash": 0}, {"perceptual_hash": 0xFF}, {"perceptual_hash": 0xFFFF, "width": 200}, {})
    near = _near(images, [0, 0, 0, 90])
    assert near.groups.tolist() == [0, 0, 0, 3]
    found = find_near_duplicates_to_report(images, near)
    assert _pairs(found) == [(0, 2), (1, 2)]
    assert all("group of 3" in detail for detail in found.details)


def test_a_wrong_label_is_the_worst_near_duplicate_of_its_group() -> None:
    """The most frequent label represents a group, so that the image of another label stands out, and not the others."""
    images = _images({"label": "B", "width": 200}, {}, {}, {})
    found = find_near_duplicates_to_report(images, _near(images, [0, 0, 0, 0]))
    assert _pairs(found) == [(0, 1), (2, 1), (3, 1)]
    assert found.scores.tolist() == [2, 1, 1]


def test_copies_of_a_file_count_once_among_near_duplicates() -> None:
    """A file and its copies are one content; of a group, only one of them is a near-duplicate."""
    images = _images({"content_id": 5}, {"content_id": 5}, {})
    near = _near(images, [0, 0, 1])
    assert near.groups.tolist() == [0, 0, 0]
    assert _pairs(find_near_duplicates_to_report(images, near)) == [(2, 0)]


def test_the_removal_of_one_of_a_pair_heals_the_other() -> None:
    """The remaining image has no finding any more."""
    both = _images({}, {"perceptual_hash": 1})
    assert _pairs(find_near_duplicates_to_report(both, _near(both, [0, 1]))) == [(1, 0)]
    one = Images(both.rows.slice(1))
    assert not find_near_duplicates_to_report(one, _near(one, [1])).details


def test_a_flood_of_equal_images_is_grouped_although_not_all_pairs_are_compared() -> None:
    """The result says so, also after an update; a run after the flood knows all pairs again."""
    flood = _images(*({"perceptual_hash": 0} for _ in range(1_200)))
    few = Images(flood.rows.slice(0, 900))
    known = _near(few, [0] * 900).pairs
    updated = _near(flood, [0] * 1_200, known)
    assert set(updated.groups) == {0}
    assert not updated.pairs.is_complete
    assert not _near(flood, [0] * 1_200, updated.pairs).pairs.is_complete
    assert _near(few, [0] * 900, updated.pairs).pairs.is_complete


def test_images_without_labels_have_no_other_label() -> None:
    """A copy without a label is no worse than one of the same label."""
    images = _images({"label": None, "content_id": 1}, {"content_id": 1}, {"perceptual_hash": 1})
    assert find_duplicates(images).scores.tolist() == [1]
    assert (find_near_duplicates_to_report(images, _near(images, [0, 0, 0])).scores <= 1).all()
