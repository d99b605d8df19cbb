"""Pairs of contents that look alike: their hashes differ in few bits, and the cosine of their features is high.

A content is what all files with the same bytes contain. Pairs of contents do not change when copies come and go, and
many copies of one file are one content, so that they do not form pairs with each other.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from spark_app.curation.corpus import Corpus, TaskRunner, in_blocks
from spark_app.curation.images import Floats, Ids, Images, Numbers
from spark_app.numerics.cosines import cosines
from spark_app.numerics.groups import connected
from spark_app.numerics.hamming import HashPairs, pairs_within
from spark_app.numerics.neighbours import NearRule

PAIRS_PER_TASK = 20_000
"""Pairs of which a task compares the features."""


@dataclass(frozen=True, eq=False)
class ContentPairs:
    """Pairs of contents that look alike, among some contents."""

    contents: Ids
    """Ids of the contents that were compared, increasing."""
    left: Numbers
    """Positions in `contents`, shape (p,), less than those of `right`."""
    right: Numbers
    bits: npt.NDArray[np.uint8]
    """Bits in which the hashes differ, shape (p,)."""
    cosines: Floats
    """Cosines of the features, shape (p,)."""
    is_complete: bool = True
    """Whether these are all pairs: not so in a flood of almost equal images (`pairs_within`)."""

    @classmethod
    def none(cls) -> "ContentPairs":
        """Return no pairs of no contents."""
        nothing = np.empty(0, np.int64)
        return cls(np.empty(0, np.uint64), nothing, nothing, np.empty(0, np.uint8), np.empty(0, np.float32))

    def among(self, contents: Ids) -> "ContentPairs":
        """Return the pairs of which both contents are among the given ones, with positions among these."""
        new = np.searchsorted(contents, self.contents)
        exists = np.isin(self.contents, contents)
        kept = exists[self.left] & exists[self.right]
        left, right = new[self.left[kept]], new[self.right[kept]]
        return ContentPairs(contents, left, right, self.bits[kept], self.cosines[kept], self.is_complete)


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """The near-duplicates of a corpus."""

    pairs: ContentPairs
    first: Numbers
    """Position of the first image of each content of `pairs`."""
    groups: Numbers
    """For each image the first image of its group: those that are connected by pairs, or have the same content."""


def find_near_duplicates(
    images: Images, corpus: Corpus, rule: NearRule, known: ContentPairs, run: TaskRunner
) -> NearDuplicates:
    """Find all pairs of near-duplicates, and the groups that they form.

    Parameters
    ----------
    known
        Pairs that an earlier run has found with the same basis and rule. Only pairs with other contents are computed.
    """
    contents, first = np.unique(images.content_ids, return_index=True)
    contents, first = contents[contents != 0], first[contents != 0]
    has_hash = images.has_hash[first]
    comparable, position = contents[has_hash], first[has_hash]
    is_new = ~np.isin(comparable, known.contents)
    found = pairs_within(images.hashes[position], rule.bits, is_new)
    if not (known.is_complete and found.complete):
        # The pairs that are left out are those of a run that knows nothing, so that a flood ends with its images.
        known, found = ContentPairs.none(), pairs_within(images.hashes[position], rule.bits)
    pairs = _joined(known.among(comparable), found, _cosines(found, position, corpus, run), rule)
    return NearDuplicates(pairs, position, _groups(images, contents, first, pairs, position))


def _cosines(found: HashPairs, position: Numbers, corpus: Corpus, run: TaskRunner) -> npt.NDArray[np.float64]:
    """Return the cosines of the features of pairs, shape (p,)."""
    chunks = in_blocks(np.arange(len(found)), PAIRS_PER_TASK)
    ends = [(position[found.left[chunk]], position[found.right[chunk]]) for chunk in chunks]
    return np.concatenate([np.empty(0), *run(partial(_cosines_of, corpus), ends)])


def _cosines_of(corpus: Corpus, ends: tuple[Numbers, Numbers]) -> npt.NDArray[np.float64]:
    n = len(ends[0])
    images, place = np.unique(np.concatenate(ends), return_inverse=True)
    vectors = corpus.coordinates.read(images)
    return cosines(vectors[place[:n]], vectors[place[n:]], corpus.origin)


def _joined(kept: ContentPairs, found: HashPairs, similarity: npt.NDArray[np.float64], rule: NearRule) -> ContentPairs:
    """Add the pairs whose features are similar, too, to those that are known."""
    near = rule.are_near(found.bits, similarity)
    left = np.concatenate([kept.left, found.left[near]])
    right = np.concatenate([kept.right, found.right[near]])
    order = np.lexsort((right, left))
    return ContentPairs(
        kept.contents,
        left[order],
        right[order],
        np.concatenate([kept.bits, found.bits[near]])[order],
        np.concatenate([kept.cosines, similarity[near].astype(np.float32)])[order],
        kept.is_complete and found.complete,
    )


def _groups(images: Images, contents: Ids, first: Numbers, pairs: ContentPairs, position: Numbers) -> Numbers:
    """Connect each image with the first image of its content, and the first images of near-duplicates."""
    everything = np.arange(len(images))
    place = np.minimum(np.searchsorted(contents, images.content_ids), max(len(contents) - 1, 0))
    of_content = np.where(images.is_measured, first[place], everything) if len(contents) else everything
    left = np.concatenate([everything, position[pairs.left]])
    right = np.concatenate([of_content, position[pairs.right]])
    return connected(len(images), left, right)
