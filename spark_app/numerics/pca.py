"""Exact principal component analysis from the statistics of the vectors, without reading the vectors.

The conventions are those of scikit-learn: variances divide by n - 1, a share of the variance selects the least number
of components that exceeds it, and the sign of a component makes its largest loading positive (`svd_flip` on the
components) [1]_.

References
----------
.. [1] scikit-learn, ``sklearn/decomposition/_pca.py`` (solver ``covariance_eigh``) and
   ``sklearn/utils/extmath.py``.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from spark_app.numerics.components import ComponentCount, RequestedComponents
from spark_app.numerics.statistics import Matrix, Statistics, Vector


@dataclass(frozen=True, eq=False)
class Basis:
    """The map from vectors of dimension d to k coordinates: a mean, a scale, and principal components."""

    mean: Vector
    """Shape (d,). Subtracted from every vector."""
    scale: Vector
    """Shape (d,). Divides every centred vector; ones unless standardized."""
    components: Matrix
    """Shape (k, d). Orthonormal rows, in the order of decreasing variance."""
    spectrum: Vector
    """Shape (d,). Variance along each of all d principal directions; the first k are those of `components`."""
    count: int
    """Number of vectors that the basis was fitted to."""

    def __post_init__(self) -> None:
        d = len(self.mean)
        shapes = (self.mean.shape, self.scale.shape, self.components.shape[1:], self.spectrum.shape)
        if set(shapes) != {(d,)} or not 1 <= len(self.components) <= d:
            raise ValueError(f"not a basis: shapes {shapes}")

    @property
    def explained_variance(self) -> Vector:
        """Variance along each component, shape (k,)."""
        return self.spectrum[: len(self.components)]

    @property
    def explained_variance_ratio(self) -> Vector:
        """Share of the total variance along each component, shape (k,); zeros if there is no variance."""
        return _ratios(self.spectrum)[: len(self.components)]

    @property
    def captured(self) -> float:
        """Share of the total variance that all components capture."""
        return float(self.explained_variance_ratio.sum())

    def project(self, X: npt.NDArray[np.floating]) -> Matrix:
        """Return the coordinates of vectors, of shape (n, d), along the components: shape (n, k), float64."""
        return self.project_with_residuals(X)[0]

    def project_with_residuals(self, X: npt.NDArray[np.floating]) -> tuple[Matrix, Vector]:
        """Return the coordinates of vectors, and their Q residuals: squared distances from the span of the components.

        Parameters
        ----------
        X
            Vectors, shape (n, d).

        Returns
        -------
        coordinates : array of shape (n, k), float64
        residuals : array of shape (n,), float64
        """
        centred = (X - self.mean) / self.scale
        coordinates: Matrix = centred @ self.components.T
        squares = np.einsum("ij,ij->i", centred, centred) - np.einsum("ij,ij->i", coordinates, coordinates)
        return coordinates, np.maximum(squares, 0.0)  # rounding makes the residual of a vector in the span negative


@dataclass(frozen=True, eq=False)
class Assessment:
    """How well a basis represents a set of vectors, which it need not have been fitted to."""

    variances: Vector
    """Shape (k,). Variance of the coordinates along each component."""
    ratios: Vector
    """Shape (k,). `variances`, divided by the total variance of the vectors."""
    spectrum: Vector
    """Shape (d,). Variance along each principal direction of the vectors, decreasing."""
    of_best: float
    """Captured variance, divided by the variance that the best basis of the same size would capture."""

    @property
    def captured(self) -> float:
        """Share of the total variance that all components capture."""
        return float(self.ratios.sum())


def assess(basis: Basis, statistics: Statistics, *, standardize: bool = False) -> Assessment:
    """Assess a basis on a set of vectors, from their statistics.

    The variances are those of the coordinates that the basis gives. The captured variance is compared with that of a
    new basis, which would be fitted to the vectors as standardized today. In these vectors, the basis spans its
    components, rescaled from the scale of the basis to that of today.

    Parameters
    ----------
    statistics
        Statistics of at least one vector.
    standardize
        Whether a new basis would be fitted to standardized vectors.
    """
    own = _covariance(statistics, basis.scale)
    variances = np.einsum("kd,de,ke->k", basis.components, own, basis.components, optimize=True)
    scale = _scale(statistics, standardize=standardize)
    today = _covariance(statistics, scale)
    with _one_thread():
        spectrum = np.maximum(np.linalg.eigvalsh(today)[::-1], 0.0)
        span = np.linalg.qr((basis.components * (scale / basis.scale)).T)[0].T
    captured = float(np.einsum("kd,de,ke->", span, today, span, optimize=True))
    best = float(spectrum[: len(span)].sum())
    total = float(np.trace(own))
    return Assessment(
        variances=variances,
        ratios=variances / total if total > 0 else np.zeros_like(variances),
        spectrum=spectrum,
        of_best=min(captured / best, 1.0) if best > 0 else 1.0,
    )


def assess_own(basis: Basis) -> Assessment:
    """Assess a basis on the vectors that it was fitted to, for which it is the best."""
    return Assessment(basis.explained_variance, basis.explained_variance_ratio, basis.spectrum, 1.0)


def max_components(count: int, d: int) -> int:
    """Return the number of components that `count` vectors of `d` dimensions allow.

    Centring costs one dimension. A single vector allows one component, of variance 0.
    """
    return max(1, min(count - 1, d))


def fit(statistics: Statistics, components: RequestedComponents, *, standardize: bool = False) -> Basis:
    """Compute the principal components.

    Parameters
    ----------
    statistics
        Statistics of at least one vector.
    components
        Number of components to keep. The result has fewer if the vectors do not allow as many (`max_components`).
    standardize
        Whether to divide each dimension by its standard deviation (with n, not n - 1, in the denominator, like
        scikit-learn's StandardScaler). Constant dimensions are not divided.

    Raises
    ------
    ValueError
        If there are no vectors.
    """
    if statistics.count == 0:
        raise ValueError("a PCA needs at least one vector")
    scale = _scale(statistics, standardize=standardize)
    spectrum, directions = _eigenpairs(_covariance(statistics, scale))
    k = min(_requested_count(spectrum, components), max_components(statistics.count, len(spectrum)))
    return Basis(statistics.mean, scale, _with_fixed_signs(directions[:k]), spectrum, statistics.count)


def _scale(statistics: Statistics, *, standardize: bool) -> Vector:
    return _standard_deviations(statistics) if standardize else np.ones_like(statistics.mean)


def _covariance(statistics: Statistics, scale: Vector) -> Matrix:
    covariance: Matrix = statistics.scatter / np.outer(scale, scale) / max(statistics.count - 1, 1)
    return covariance


def _standard_deviations(statistics: Statistics) -> Vector:
    variances = np.diag(statistics.scatter) / statistics.count
    # Rounding can give a constant dimension a tiny variance. Dividing by it would raise noise to the size of a signal.
    # The bound is that of StandardScaler (_is_constant_feature).
    eps = np.finfo(np.float64).eps
    n = statistics.count
    constant = variances <= n * eps * variances + (n * statistics.mean * eps) ** 2
    return np.where(constant, 1.0, np.sqrt(variances))


def _eigenpairs(covariance: Matrix) -> tuple[Vector, Matrix]:
    """Return the eigenvalues, decreasing, and the eigenvectors as rows."""
    with _one_thread():
        values, vectors = np.linalg.eigh(covariance)
    # Rounding can make tiny eigenvalues negative.
    return np.maximum(values[::-1], 0.0), vectors.T[::-1]


def _one_thread() -> AbstractContextManager[object]:
    """Limit BLAS to one thread, for decompositions, in which its threads wait for each other thousands of times.

    They wait actively. If other processes keep two cores busy, a decomposition of d = 1,280 takes 12 seconds with two
    threads, and 0.3 with one; on an idle machine, it takes 0.2 and 0.3. With one thread, the result does not depend on
    the number of cores.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def _requested_count(spectrum: Vector, components: RequestedComponents) -> int:
    if isinstance(components, ComponentCount):
        return components.count
    # side="right", as in scikit-learn: the components must capture strictly more than the share.
    return int(np.searchsorted(np.cumsum(_ratios(spectrum)), components.share, side="right")) + 1


def _ratios(spectrum: Vector) -> Vector:
    total = spectrum.sum()
    return spectrum / total if total > 0 else np.zeros_like(spectrum)


def _with_fixed_signs(components: Matrix) -> Matrix:
    largest = np.argmax(np.abs(components), axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    fixed: Matrix = components * signs[:, np.newaxis]
    return fixed
