"""What the comparison of images needs of them: hashes, contents and coordinates, which are read in blocks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from spark_app.curation.images import Floats, Ids, Images, Mask, Numbers
from spark_app.numerics.neighbours import Block
from spark_app.numerics.pca import Basis

BLOCK_ROWS = 8_192
"""Images of a block: 7 MB of 205 coordinates."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Coordinates(Protocol):
    """The coordinates of all images, wherever they are."""

    def read(self, images: Numbers) -> Floats:
        """Return the coordinates of images at some positions, in their order, shape (len(images), k)."""


class TaskRunner(Protocol):
    """Applies a function to each of several items, here or on the workers, and yields the results in their order."""

    def __call__(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterable[Result]:
        """Apply the function. It can be pickled, and so can the items."""


@dataclass(frozen=True, eq=False)
class HeldCoordinates:
    """Coordinates in memory."""

    matrix: Floats
    """Shape (n, k)."""

    def read(self, images: Numbers) -> Floats:
        """Return some rows of the matrix."""
        return self.matrix[images]


def run_here(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Apply a function to each item in this process."""
    return map(function, items)


@dataclass(frozen=True, eq=False)
class Corpus:
    """All images, as tasks compare them."""

    coordinates: Coordinates
    hashes: Ids
    has_hash: Mask
    contents: Ids
    origin: Floats
    """Shape (k + 1,). Coordinates of the mean of the features along the components, and the length of the part of the
    mean that is orthogonal to them."""

    @classmethod
    def of(cls, images: Images, coordinates: Coordinates, origin: Floats) -> "Corpus":
        """Return the corpus of all images."""
        return cls(coordinates, images.hashes, images.has_hash, images.content_ids, origin)

    def __len__(self) -> int:
        return len(self.hashes)

    def block(self, images: Numbers) -> Block:
        """Read the block of some images."""
        return Block(
            rows=images,
            vectors=self.coordinates.read(images),
            hashes=self.hashes[images],
            has_hash=self.has_hash[images],
            contents=self.contents[images],
        )

    def blocks(self) -> list[Numbers]:
        """Return the positions of the images of each block."""
        return in_blocks(np.arange(len(self)))


def origin_of(basis: Basis) -> Floats:
    """Return the mean of the features as `Corpus.origin`: its coordinates, and the length of the rest of it."""
    mean = basis.mean / basis.scale
    along = basis.components @ mean
    rest = np.sqrt(max(float(mean @ mean - along @ along), 0.0))
    origin: Floats = np.append(along, rest).astype(np.float32)
    return origin


def in_blocks(images: Numbers, size: int = BLOCK_ROWS) -> list[Numbers]:
    """Cut positions into blocks."""
    return [images[start : start + size] for start in range(0, len(images), size)]
