"""Duplicates and near-duplicates as findings: each image of a group, except for the one that represents it."""

from collections import Counter

import numpy as np
import numpy.typing as npt

from contract.findings import Kind
from spark_app.curation.found import NONE, Found
from spark_app.curation.images import Images, Numbers
from spark_app.curation.near_duplicates import NearDuplicates

ANOTHER_LABEL = 1.0
"""Added to the score of an image whose original has another label: one of the two labels is wrong."""


def find_duplicates(images: Images) -> Found:
    """Find files with the same bytes as another one, which is the first in the order of the keys."""
    _, first, content, count = np.unique(images.content_ids, return_index=True, return_inverse=True, return_counts=True)
    others = first[content]
    found = np.flatnonzero(images.is_measured & (others != np.arange(len(images))))
    differs = _have_other_labels(images, found, others[found])
    details = [
        f"{count[content[image]]:,} files have the same bytes"
        + (", and the first one has another label" if other else "")
        for image, other in zip(found, differs, strict=True)
    ]
    return Found(Kind.DUPLICATE, found, 1.0 + ANOTHER_LABEL * differs.astype(np.float64), others[found], details)


def find_near_duplicates_to_report(images: Images, near: NearDuplicates) -> Found:
    """Find the images of each group of near-duplicates, except for the one that represents the group.

    It is an image of the group's most frequent label, of these the largest one, and of these the first one.
    Copies of a file count once: their findings are those of `find_duplicates`.
    """
    pairs, ends = near.pairs, _ends(near)
    members = np.unique(ends)
    group = near.groups[members]
    representative = _representatives(images, members, group)
    best = _best_pairs(len(images), ends, np.tile(pairs.cosines, 2))
    sizes = Counter(group.tolist())
    chosen = representative != members
    found, others = members[chosen], representative[chosen]
    pair = best[found] % max(len(pairs.left), 1)
    differs = _have_other_labels(images, found, others)
    left, right = near.first[pairs.left[pair]], near.first[pairs.right[pair]]
    details = [
        f"group of {sizes[near.groups[image]]:,}; most similar to {images.key(partner)!r}, from which it differs in "
        f"{pairs.bits[number]} of 64 bits, cosine {pairs.cosines[number]:.3f}"
        for image, partner, number in zip(found, np.where(left == found, right, left), pair, strict=True)
    ]
    return Found(Kind.NEAR_DUPLICATE, found, pairs.cosines[pair] + ANOTHER_LABEL * differs, others, details)


def _have_other_labels(images: Images, one: Numbers, other: Numbers) -> npt.NDArray[np.bool_]:
    """Return which images have a label, and resemble one with another label."""
    left, right = images.codes[one], images.codes[other]
    differs: npt.NDArray[np.bool_] = (left >= 0) & (right >= 0) & (left != right)
    return differs


def _ends(near: NearDuplicates) -> Numbers:
    """Return the images at both ends of each pair, shape (2p,)."""
    ends: Numbers = near.first[np.concatenate([near.pairs.left, near.pairs.right])]
    return ends


def _representatives(images: Images, members: Numbers, group: Numbers) -> Numbers:
    """Return for each member the representative of its group."""
    pixels = images.sizes[members].prod(axis=1)
    _, labelled, count = np.unique(
        np.stack([group, images.codes[members]], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    order = np.lexsort((members, -pixels, -count[labelled.ravel()], group))
    _, first, inverse = np.unique(group[order], return_index=True, return_inverse=True)
    representative = np.empty(len(members), np.int64)
    representative[order] = members[order][first][inverse]
    return representative


def _best_pairs(n: int, ends: Numbers, cosines: npt.NDArray[np.float32]) -> Numbers:
    """Return for each of n images the number of the end at which it has the highest cosine; `NONE` without pairs."""
    best = np.full(n, NONE, np.int64)
    order = np.lexsort((-np.arange(len(ends)), cosines))
    best[ends[order]] = order  # the last assignment wins
    return best
