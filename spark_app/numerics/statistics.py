"""Count, mean and scatter matrix of a set of vectors, which can be computed in parts, merged, and un-merged.

The formulas are those of Chan et al. [1]_. They centre at every step, because ``E[xx'] - E[x]E[x]'`` cancels digits.
Un-merging solves the same equation for one of the parts. It subtracts, so it can cancel digits, too;
`Statistics.rounding` bounds the error.

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
    """Statistics of n vectors of d dimensions, sufficient for a PCA."""

    count: int
    """Number of vectors, n."""
    mean: Vector
    """Shape (d,), float64."""
    scatter: Matrix
    """Shape (d, d), float64. Sum over the vectors of ``(x - mean)(x - mean)'``."""
    rounding: float = 0.0
    """Estimated absolute rounding error of the trace of the scatter matrix."""

    def __post_init__(self) -> None:
        d = len(self.mean)
        if self.count < 0 or self.mean.shape != (d,) or self.scatter.shape != (d, d):
            raise ValueError(
                f"not statistics: count {self.count}, mean {self.mean.shape}, scatter {self.scatter.shape}"
            )

    @property
    def relative_rounding(self) -> float:
        """Estimated rounding error of the scatter matrix, relative to its trace."""
        trace = float(np.trace(self.scatter))
        return self.rounding / trace if trace > 0 else float(self.rounding > 0)

    @classmethod
    def empty(cls, d: int) -> Self:
        """Return the statistics of no vectors of `d` dimensions, the neutral element of `merge`."""
        return cls(0, np.zeros(d), np.zeros((d, d)))

    @classmethod
    def of(cls, X: npt.NDArray[np.floating]) -> Self:
        """Compute the statistics of the rows of a matrix of shape (n, d), for any n."""
        n, d = X.shape
        if n == 0:
            return cls.empty(d)
        samples = X.astype(np.float64)
        mean = samples.mean(axis=0)
        samples -= mean
        return cls(n, mean, samples.T @ samples)

    def merge(self, other: Self) -> Self:
        """Return the statistics of both sets of vectors together."""
        count = self.count + other.count
        if count == 0:
            return self
        difference = other.mean - self.mean
        mean = self.mean + difference * (other.count / count)
        weight = self.count * other.count / count
        scatter = self.scatter + other.scatter + np.outer(difference, difference) * weight
        return type(self)(count, mean, scatter, _rounding(self, other, scatter, weight))

    def unmerge(self, other: Self) -> Self:
        """Return the statistics of these vectors without some of them: ``a.merge(b).unmerge(b)`` is ``a``.

        Parameters
        ----------
        other
            Statistics of vectors that are among these.

        Raises
        ------
        ValueError
            If `other` describes more vectors than this object.
        """
        count = self.count - other.count
        if count < 0:
            raise ValueError(f"can't take {other.count} vectors out of {self.count}")
        if count == 0:
            return type(self).empty(len(self.mean))
        mean = self.mean + (self.mean - other.mean) * (other.count / count)
        difference = other.mean - mean
        weight = count * other.count / self.count
        scatter = self.scatter - other.scatter - np.outer(difference, difference) * weight
        return type(self)(count, mean, scatter, _rounding(self, other, self.scatter, weight))


def _rounding(one: Statistics, other: Statistics, larger: Matrix, weight: float) -> float:
    """Estimate the rounding error after a merge or its inverse, including the errors of both operands.

    The sums round by eps of the larger matrix. The difference of the means rounds by eps of the means, which matters
    if they are far from zero and close to each other.
    """
    lengths = np.linalg.norm(one.mean) + np.linalg.norm(other.mean)
    apart = np.linalg.norm(one.mean - other.mean)
    eps = np.finfo(np.float64).eps
    added = eps * (np.trace(larger) + 2 * weight * apart * lengths)
    return one.rounding + other.rounding + float(added)


def merge_all(parts: Iterable[Statistics], d: int) -> Statistics:
    """Merge any number of statistics of `d` dimensions, one after the other."""
    total = Statistics.empty(d)
    for part in parts:
        total = total.merge(part)
    return total
