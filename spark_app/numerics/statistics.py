"""Count, mean and scatter matrix of a set of vectors, computed in parts and merged.

The formulas are Chan's [1]_: centred at every step, because ``E[xx'] - E[x]E[x]'`` cancels digits.

References
----------
.. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
   Variances", Stanford University, 1979, equations 2.1.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Statistics:
    """What a PCA needs to know of a set of vectors.

    Attributes
    ----------
    count
        Number of vectors, n.
    mean
        Their mean, shape (d,), float64.
    scatter
        Sum over the vectors of ``(x - mean)(x - mean)'``, shape (d, d), float64.
    """

    count: int
    mean: Vector
    scatter: Matrix

    def __post_init__(self) -> None:
        d = len(self.mean)
        if self.count < 0 or self.mean.shape != (d,) or self.scatter.shape != (d, d):
            raise ValueError(
                f"not statistics: count {self.count}, mean {self.mean.shape}, scatter {self.scatter.shape}"
            )

    @classmethod
    def empty(cls, d: int) -> Self:
        """Statistics of no vectors of `d` dimensions: the neutral element of `merge`."""
        return cls(0, np.zeros(d), np.zeros((d, d)))

    @classmethod
    def of(cls, X: npt.NDArray[np.floating]) -> Self:
        """Statistics of the rows of a matrix.

        Parameters
        ----------
        X
            Shape (n, d), any n.
        """
        n, d = X.shape
        if n == 0:
            return cls.empty(d)
        samples = X.astype(np.float64)
        mean = samples.mean(axis=0)
        samples -= mean
        return cls(n, mean, samples.T @ samples)

    def merge(self, other: Self) -> Self:
        """Statistics of both sets of vectors together."""
        count = self.count + other.count
        if count == 0:
            return self
        difference = other.mean - self.mean
        mean = self.mean + difference * (other.count / count)
        between = np.outer(difference, difference) * (self.count * other.count / count)
        return type(self)(count, mean, self.scatter + other.scatter + between)


def merge_all(parts: Iterable[Statistics], d: int) -> Statistics:
    """Merge any number of statistics of `d` dimensions, one at a time."""
    total = Statistics.empty(d)
    for part in parts:
        total = total.merge(part)
    return total
