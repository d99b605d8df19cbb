"""Cosines of features, computed from their coordinates along the principal components."""

import numpy as np
import numpy.typing as npt

Coordinates = npt.NDArray[np.floating]
Vector = npt.NDArray[np.float64]


def cosines(left: Coordinates, right: Coordinates, origin: Coordinates) -> Vector:
    """Return the cosines of pairs of features, as the components represent them.

    Coordinates are relative to the mean, and cosines to zero. So ``x = [coordinates + origin[:k], origin[k]]``
    represents the features: the part outside the span of the components is that of the mean.

    Parameters
    ----------
    left, right
        Coordinates along the components, shape (n, k).
    origin
        Shape (k + 1,): the coordinates of the mean of the features along the components, and the length of the part
        of the mean outside their span.

    Returns
    -------
    Shape (n,), float64; 0 where the features of one of the pair are zero. A cosine depends on its pair alone, bit by
    bit, and not on the order of the two.
    """
    offset, outside = origin[:-1].astype(np.float64), float(origin[-1]) ** 2
    one, other = left + offset, right + offset
    products = np.einsum("ij,ij->i", one, other) + outside
    squares = squared_lengths(one, outside) * squared_lengths(other, outside)
    found = np.zeros(len(products))
    np.divide(products, np.sqrt(squares), out=found, where=squares > 0)
    return found


def squared_lengths(vectors: Vector, outside: float = 0.0) -> Vector:
    """Return the squared lengths of vectors of shape (n, k), with a further coordinate of the given square."""
    squares: Vector = np.einsum("ij,ij->i", vectors, vectors) + outside
    return squares
