"""The nearest rows of a table to a vector, found exactly in one pass over the table."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cli.table_rows import Block
from spark_app.arrow import FloatMatrix, to_matrix

Distances = npt.NDArray[np.float64]


class Measure(StrEnum):
    """What images are compared by: a table with a column of the same name, which contains vectors, and a distance."""

    COMPONENTS = "components"
    """Euclidean distance along the principal components."""
    FEATURES = "features"
    """Cosine distance of the features: 1 minus the cosine by which near-duplicates are found."""

    @property
    def schema(self) -> pa.Schema:
        """Columns of the table that a search reads."""
        return pa.schema([("key", pa.string()), ("label", pa.string()), (self.value, pa.list_(pa.float32()))])


@dataclass(frozen=True, order=True)
class Neighbour:
    """An image, and its distance from the image that it is compared with. The nearest one is the least."""

    distance: float
    key: str
    label: str | None = field(default=None, compare=False)


def euclidean(vectors: FloatMatrix, vector: FloatMatrix) -> Distances:
    """Return the distance of each row of shape (n, d) from a vector of shape (d,). That of equal vectors is 0."""
    differences = vectors - vector
    distances: Distances = np.sqrt(np.einsum("ij,ij->i", differences, differences, dtype=np.float64))
    return distances


def cosine(vectors: FloatMatrix, vector: FloatMatrix) -> Distances:
    """Return 1 minus the cosine of each row of shape (n, d) and a vector of shape (d,): from 0 to 2.

    This is half the squared distance of the vectors of length 1, so that the distance of equal vectors is 0 exactly.
    A vector of zeros has no direction: its distance from any other vector is 1.
    """
    lengths, length = _lengths(vectors), _lengths(vector[np.newaxis])[0]
    differences = vectors / np.where(lengths > 0, lengths, 1)[:, np.newaxis]
    differences -= vector / (length if length > 0 else 1)
    distances = np.einsum("ij,ij->i", differences, differences).astype(np.float64) / 2
    only_one_has_a_direction = (lengths > 0) != (length > 0)
    return np.where(only_one_has_a_direction, 1.0, distances)


def _lengths(vectors: FloatMatrix) -> FloatMatrix:
    """Return the lengths of vectors of shape (n, d) in single precision, whose error does not show in a distance."""
    lengths: FloatMatrix = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return lengths


DISTANCES: dict[Measure, Callable[[FloatMatrix, FloatMatrix], Distances]] = {
    Measure.COMPONENTS: euclidean,
    Measure.FEATURES: cosine,
}


@dataclass(frozen=True, eq=False)
class Search:
    """A search for the nearest images."""

    measure: Measure
    vector: FloatMatrix
    """Shape (d,): the features or the coordinates of the image that the others are compared with."""
    count: int
    """Maximum number of images to find."""
    without: str | None = None
    """Key of an image to leave out."""

    def among(self, blocks: Iterable[Block]) -> list[Neighbour]:
        """Return the nearest images, the nearest first, and equally near ones in the order of their keys.

        Parameters
        ----------
        blocks
            Rows with the columns key and label, and that of the measure.
        """
        best: list[Neighbour] = []
        for block in blocks:
            limit = best[-1].distance if len(best) == self.count else np.inf
            best = sorted([*best, *self._candidates(block, limit)])[: self.count]
        return best

    def _candidates(self, block: Block, limit: float) -> Iterator[Neighbour]:
        """Yield the images of a block that may be among the nearest: those that are as near as the last of them."""
        vectors = to_matrix(block.rows[self.measure].combine_chunks(), len(self.vector))
        distances = np.where(block.is_current, DISTANCES[self.measure](vectors, self.vector), np.inf)
        last = min(self.count, len(distances) - 1)  # one more than wanted: one may be left out
        limit = min(limit, float(np.partition(distances, last)[last])) if len(distances) else limit
        found = np.flatnonzero((distances <= limit) & np.isfinite(distances))
        rows = block.rows.select(["key", "label"]).take(found).to_pylist()
        for distance, row in zip(distances[found], rows, strict=True):
            if row["key"] != self.without:
                yield Neighbour(float(distance), row["key"], row["label"])
