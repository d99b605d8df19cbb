"""The sample of the images that the explorer shows: those with the least hashes of their keys.

The images of a range of hashes share a sheet. So an image that is added, replaced or removed changes one sheet, and the
run takes the others from the last explorer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from spark_app.keys import key_hash

POINTS = 20_000
"""Maximum number of images that the explorer shows: what a phone draws smoothly."""

PER_SHEET = 64
"""Maximum expected number of images per sheet. A browser decodes such a sheet in about a millisecond."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Images of a corpus in the order of the hashes of their keys."""

    images: Numbers
    """Positions of the n chosen images in the corpus, shape (n,)."""
    ends: Numbers
    """End of each range of these images that share a sheet: its first position after the range; shape (s,)."""

    @property
    def ranges(self) -> list[slice]:
        """The ranges of the images that share a sheet."""
        return [slice(start, end) for start, end in pairwise([0, *self.ends.tolist()])]


def choose_sample(keys: Sequence[str], points: int = POINTS) -> Sample:
    """Choose up to `points` images.

    Parameters
    ----------
    keys
        Keys of all images, sorted.
    """
    hashes = np.fromiter(map(key_hash, keys), np.float64, len(keys))
    images = np.argsort(hashes, kind="stable")[:points]
    ranges = np.floor(hashes[images] * _ranges(len(keys)))
    changes = np.flatnonzero(np.diff(ranges)) + 1
    return Sample(images, np.append(changes, len(images)) if len(images) else changes)


def _ranges(images: int) -> int:
    """Return into how many ranges the hashes are divided: a power of two, so that it changes rarely."""
    return 1 << max(0, math.ceil(math.log2(max(images, 1) / PER_SHEET)))


def thumbnail_share(images: int) -> float:
    """Return the share of the images of a corpus that get a thumbnail.

    It is twice the share that the explorer shows, so that there are thumbnails of the images that it shows after many
    images have been removed.
    """
    return min(1.0, 2 * POINTS / max(images, 1))
