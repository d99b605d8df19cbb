"""Exact principal component analysis from statistics, without a pass over the vectors.

The conventions are scikit-learn's: variances divide by n - 1, a fraction of the variance picks the least number of
components that reaches it, and the sign of a component makes its largest loading positive (`svd_flip` on the
components) [1]_.

References
----------
.. [1] scikit-learn, ``sklearn/decomposition/_pca.py`` (solver ``covariance_eigh``) and
   ``sklearn/utils/extmath.py``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_app.numerics.statistics import Matrix, Statistics, Vector


@dataclass(frozen=True, eq=False)
class Basis:
    """Principal components, and what is needed to project on them.

    Attributes
    ----------
    mean
        Shape (d,): subtracted from every vector.
    scale
        Shape (d,): divides every centred vector; ones unless standardized.
    components
        Shape (k, d): orthonormal rows, in order of falling variance.
    spectrum
        Shape (d,): variance along each of all d principal directions; its first k belong to `components`.
    count
        Number of vectors that the basis was fitted to.
    """

    mean: Vector
    scale: Vector
    components: Matrix
    spectrum: Vector
    count: int

    @property
    def explained_variance(self) -> Vector:
        """Variance along each component, shape (k,)."""
        return self.spectrum[: len(self.components)]

    @property
    def explained_variance_ratio(self) -> Vector:
        """Share of the whole variance along each component, shape (k,); zeros where there is no variance."""
        return _ratios(self.spectrum)[: len(self.components)]

    @property
    def captured(self) -> float:
        """Share of the whole variance that the components keep together."""
        return float(self.explained_variance_ratio.sum())

    def project(self, X: npt.NDArray[np.floating]) -> Matrix:
        """Coordinates of vectors along the components.

        Parameters
        ----------
        X
            Shape (n, d).

        Returns
        -------
        ndarray
            Shape (n, k), float64.
        """
        projected: Matrix = ((X - self.mean) / self.scale) @ self.components.T
        return projected


@dataclass(frozen=True, eq=False)
class Assessment:
    """How well a basis serves vectors, which need not be those that it was fitted to.

    Attributes
    ----------
    variances
        Shape (k,): variance of the vectors' coordinates along each component.
    ratios
        Shape (k,): the same as shares of the whole variance.
    spectrum
        Shape (d,): variance along each principal direction of the vectors, falling: what the best bases would have.
    of_best
        Variance that the basis captures, as a share of what the best basis of its size would.
    """

    variances: Vector
    ratios: Vector
    spectrum: Vector
    of_best: float

    @property
    def captured(self) -> float:
        """Share of the whole variance that the components keep together."""
        return float(self.ratios.sum())


def assess(basis: Basis, statistics: Statistics, *, standardize: bool = False) -> Assessment:
    """Hold a basis against vectors, from their statistics alone.

    Variances are those of the coordinates that the basis gives. What it captures is compared with the best where the
    best would be sought: among the vectors as they would be standardized today. There the basis is the span of its
    components, scaled from its own deviations to today's.

    Parameters
    ----------
    basis
        Any.
    statistics
        Of at least one vector.
    standardize
        Whether a new basis would be sought among standardized vectors.
    """
    own = _covariance(statistics, basis.scale)
    variances = np.einsum("kd,de,ke->k", basis.components, own, basis.components, optimize=True)
    scale = _scale(statistics, standardize=standardize)
    today = _covariance(statistics, scale)
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
    """Hold a basis against the vectors that it was just fitted to: there is no better one."""
    return Assessment(basis.explained_variance, basis.explained_variance_ratio, basis.spectrum, 1.0)


def max_components(count: int, d: int) -> int:
    """Count the components that so many vectors of d dimensions have.

    Centring costs one dimension; a single vector keeps one, of variance 0.
    """
    return max(1, min(count - 1, d))


def fit(statistics: Statistics, components: float, *, standardize: bool = False) -> Basis:
    """Find the principal components.

    Parameters
    ----------
    statistics
        Of at least one vector.
    components
        An integer: so many, or as many as the vectors have (`max_components`). A fraction below 1: the least
        number that keeps this share of the variance.
    standardize
        Whether to divide each dimension by its standard deviation (n, not n - 1, in the denominator, as
        scikit-learn's StandardScaler does); constant dimensions are left as they are.

    Raises
    ------
    ValueError
        If there are no vectors.
    """
    if statistics.count == 0:
        raise ValueError("a PCA needs at least one vector")
    scale = _scale(statistics, standardize=standardize)
    spectrum, directions = _eigenpairs(_covariance(statistics, scale))
    k = min(_wanted(spectrum, components), max_components(statistics.count, len(spectrum)))
    return Basis(statistics.mean, scale, _with_fixed_signs(directions[:k]), spectrum, statistics.count)


def _scale(statistics: Statistics, *, standardize: bool) -> Vector:
    return _standard_deviations(statistics) if standardize else np.ones_like(statistics.mean)


def _covariance(statistics: Statistics, scale: Vector) -> Matrix:
    covariance: Matrix = statistics.scatter / np.outer(scale, scale) / max(statistics.count - 1, 1)
    return covariance


def _standard_deviations(statistics: Statistics) -> Vector:
    variances = np.diag(statistics.scatter) / statistics.count
    # A constant dimension can leave a rounding error where its variance should be 0: dividing by that would blow
    # noise up to the size of a signal. The bound is StandardScaler's (_is_constant_feature).
    eps = np.finfo(np.float64).eps
    n = statistics.count
    constant = variances <= n * eps * variances + (n * statistics.mean * eps) ** 2
    return np.where(constant, 1.0, np.sqrt(variances))


def _eigenpairs(covariance: Matrix) -> tuple[Vector, Matrix]:
    """Eigenvalues, falling, and eigenvectors as rows."""
    values, vectors = np.linalg.eigh(covariance)
    # Rounding makes tiny negative eigenvalues of a matrix that has none.
    return np.maximum(values[::-1], 0.0), vectors.T[::-1]


def _wanted(spectrum: Vector, components: float) -> int:
    if isinstance(components, int):
        return components
    # side="right", as in scikit-learn: strictly more than the fraction, whatever the rounding.
    return int(np.searchsorted(np.cumsum(_ratios(spectrum)), components, side="right")) + 1


def _ratios(spectrum: Vector) -> Vector:
    total = spectrum.sum()
    return spectrum / total if total > 0 else np.zeros_like(spectrum)


def _with_fixed_signs(components: Matrix) -> Matrix:
    largest = np.argmax(np.abs(components), axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    fixed: Matrix = components * signs[:, np.newaxis]
    return fixed
