"""What an earlier run has found out about pairs of images, with the same basis: ``pca/<version>/neighbours.npz``.

The file names versions of images and contents by 64-bit ids, and contains no keys. What it says of two versions never
changes, so a run may use the file whatever has happened since: it takes what concerns images that still exist.
"""

from dataclasses import dataclass

import numpy as np

from spark_app.curation.images import Ids, Mask
from spark_app.curation.near_duplicates import ContentPairs
from spark_app.npz import from_npz, to_npz
from spark_app.numerics.neighbours import NearRule, Neighbours
from spark_app.settings import NEIGHBOURS

ARRAYS = ("rule", "rows", "neighbours", "distances", "contents", "left", "right", "bits", "cosines", "complete")


@dataclass(frozen=True, eq=False)
class Known:
    """Near-duplicates and nearest neighbours of the images of an earlier run."""

    rows: Ids
    """Ids of the versions of the images, shape (n,)."""
    neighbours: Neighbours
    """Positions in `rows`, and distances."""
    pairs: ContentPairs

    @classmethod
    def nothing(cls) -> "Known":
        """Return what is known without an earlier run."""
        return cls(np.empty(0, np.uint64), Neighbours.none(0, NEIGHBOURS), ContentPairs.none())

    def neighbours_of(self, rows: Ids) -> tuple[Neighbours, Mask]:
        """Return the neighbours of present images, and which images have them.

        An image has none if it is new, or if a neighbour of it no longer exists.

        Parameters
        ----------
        rows
            Ids of the versions of the present images, shape (m,).
        """
        new_position = _positions(self.rows, rows)
        old_position = _positions(rows, self.rows)
        was_there = old_position >= 0
        old = self.neighbours.rows[old_position[was_there]]
        places = np.where(old >= 0, new_position[old], -1)
        found = Neighbours.none(len(rows), NEIGHBOURS)
        found.rows[was_there] = places
        found.distances[was_there] = self.neighbours.distances[old_position[was_there]]
        is_complete = was_there.copy()
        is_complete[was_there] = ((old >= 0) == (places >= 0)).all(axis=1)
        return found, is_complete


def _positions(of: Ids, among: Ids) -> np.ndarray:
    """Return where each id is among others; -1 if it is not."""
    if not len(among):
        return np.full(len(of), -1)
    order = np.argsort(among, kind="stable")
    place = np.minimum(np.searchsorted(among, of, sorter=order), len(among) - 1)
    found = order[place]
    return np.where(among[found] == of, found, -1)


def known_to_npz(known: Known, rule: NearRule) -> bytes:
    """Return the file of what is known."""
    pairs = known.pairs
    return to_npz(
        rule=_numbers(rule),
        rows=known.rows,
        neighbours=known.neighbours.rows.astype(np.int32),
        distances=known.neighbours.distances,
        contents=pairs.contents,
        left=pairs.left.astype(np.int32),
        right=pairs.right.astype(np.int32),
        bits=pairs.bits,
        cosines=pairs.cosines,
        complete=pairs.is_complete,
    )


def known_from_npz(body: bytes, rule: NearRule) -> Known:
    """Read what is known. Nothing is, if the file was made with another rule.

    Raises
    ------
    NpzError
        If the file is damaged.
    """
    arrays = from_npz(body, ARRAYS)
    if not np.array_equal(arrays["rule"], _numbers(rule)):
        return Known.nothing()
    pairs = ContentPairs(
        arrays["contents"],
        arrays["left"].astype(np.int64),
        arrays["right"].astype(np.int64),
        arrays["bits"],
        arrays["cosines"],
        bool(arrays["complete"]),
    )
    return Known(arrays["rows"], Neighbours(arrays["neighbours"].astype(np.int64), arrays["distances"]), pairs)


def _numbers(rule: NearRule) -> np.ndarray:
    return np.array([NEIGHBOURS, rule.bits, rule.cosine, rule.close_bits, rule.close_cosine])
