"""Tests of which pairs of images the benchmark of near-duplicates compares."""

from benchmarks.near_pairs import copies, frames
from benchmarks.planted import Planted, Planting


def test_frames_of_the_same_rotation_are_compared() -> None:
    """The number before the last underscore counts, in one rotation of one variety only."""
    keys = {f"Plum/{name}_100.jpg" for name in ("r_1", "r_3", "r_9", "r0_2", "4")} | {"Apple/r_2_100.jpg"}
    found = set(frames(keys))
    assert found == {
        ("frames 1 to 2 apart", "Plum/r_1_100.jpg", "Plum/r_3_100.jpg"),
        ("frames 6 to 10 apart", "Plum/r_1_100.jpg", "Plum/r_9_100.jpg"),
        ("frames 6 to 10 apart", "Plum/r_3_100.jpg", "Plum/r_9_100.jpg"),
    }


def test_copies_are_compared_with_their_sources() -> None:
    """Images that were changed or moved have no source to compare them with."""
    planted = [
        Planted("Plum/copy.jpg", Planting.COPY, "Plum/1.jpg"),
        Planted("Plum/2.jpg", Planting.DARK, "Plum/2.jpg"),
        Planted("Plum/moved.jpg", Planting.MOVED, "Apple/3.jpg"),
    ]
    assert list(copies(planted)) == [(Planting.COPY, "Plum/copy.jpg", "Plum/1.jpg")]
