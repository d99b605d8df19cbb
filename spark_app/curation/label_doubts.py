"""Images whose nearest neighbours carry another label, and how often the nearest neighbour has the right one."""

import numpy as np

from contract.findings import Kind
from spark_app.curation.found import Found
from spark_app.curation.images import Images, Numbers
from spark_app.curation.spread import Spread
from spark_app.numerics.neighbours import Neighbours

MOST_OF_OWN_LABEL = 1
"""An image with more neighbours of its own label is not doubted."""


def find_label_doubts(images: Images, neighbours: Neighbours, spread: Spread, least: int) -> Found:
    """Find images of which at least `least` of the nearest neighbours have one other label, and hardly any their own.

    Near-duplicates are no neighbours, so that a wrong label that was copied with its image does not confirm itself.
    An image is not judged if its label has too few images that could be its neighbours.
    """
    codes = _codes_of(images, neighbours)
    suggested, votes = _most_frequent(codes)
    own = (codes == images.codes[:, np.newaxis]).sum(axis=1)
    is_judged = spread.has_others
    found = np.flatnonzero(is_judged & (suggested != images.codes) & (votes >= least) & (own <= MOST_OF_OWN_LABEL))
    ranks = np.argmax(codes[found] == suggested[found, np.newaxis], axis=1)
    compared = (neighbours.rows[found] >= 0).sum(axis=1)
    details = [
        f"{votes[image]} of the {number} most similar images have the label {images.labels[suggested[image]]!r}, "
        f"and {own[image] or 'none'} has {images.labels[images.codes[image]]!r}"
        for image, number in zip(found, compared, strict=True)
    ]
    others = neighbours.rows[found, ranks]
    return Found(Kind.LABEL_DOUBT, found, votes[found] / np.maximum(compared, 1), others, details)


def _codes_of(images: Images, neighbours: Neighbours) -> Numbers:
    """Return the labels of the neighbours, shape (n, k); -1 without a neighbour, and without a label."""
    codes = np.append(images.codes, -1)  # a position of -1 is that of no neighbour
    found: Numbers = codes[neighbours.rows]
    return found


def _most_frequent(codes: Numbers) -> tuple[Numbers, Numbers]:
    """Return the most frequent label of each row and how often it occurs; of several, that of the nearest neighbour."""
    votes = (codes[:, :, np.newaxis] == codes[:, np.newaxis, :]).sum(axis=2)
    votes[codes < 0] = 0
    best = np.argmax(votes, axis=1)
    rows = np.arange(len(codes))
    return codes[rows, best], votes[rows, best]


def nearest_labels(images: Images, neighbours: Neighbours) -> Numbers:
    """Return the label of the nearest neighbour of each image, shape (n,); -1 without any."""
    return _codes_of(images, neighbours)[:, 0]
