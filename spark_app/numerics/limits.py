"""Limits above which an image counts as an outlier of the corpus.

The first two are the textbook limits of a PCA model of vectors with a normal distribution: for Hotelling's T-squared in
the components, and for Q, the squared distance from their span. Features of images are not normal. `upper_fence` makes
no assumption about the distribution.
"""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

_STEPS = 60
"""Bisections of an interval whose ends differ by a factor of 2: more than the 52 bits of a float64."""


def hotelling_limit(k: int, n: int, confidence: float) -> float:
    """Return the limit of Hotelling's T-squared of a new vector, in `k` components estimated from `n` vectors.

    The limit is ``k (n^2 - 1) / (n (n - k)) F``, with the quantile F of the F distribution with k and n - k degrees of
    freedom [1]_.

    Parameters
    ----------
    confidence
        Share of normal vectors below the limit, between 0 and 1.

    Returns
    -------
    The limit; infinity if there are no more vectors than components.

    Raises
    ------
    ValueError
        If `k` is not positive, or the confidence is not between 0 and 1.

    References
    ----------
    .. [1] N. D. Tracy, J. C. Young, R. L. Mason, "Multivariate Control Charts for Individual Observations", Journal of
       Quality Technology 24(2), 1992.
    """
    _check_confidence(confidence)
    if k < 1:
        raise ValueError(f"the number of components must be positive, not {k}")
    if n <= k:
        return math.inf
    return k * (n - 1) * (n + 1) / (n * (n - k)) * _f_quantile(k, n - k, confidence)


def residual_limit(eigenvalues: npt.NDArray[np.floating], confidence: float) -> float:
    """Return the limit of Q, the squared distance from the span of the components.

    The formula is that of Jackson and Mudholkar [1]_, a power of Q that is nearly normal. Its exponent h0 is not
    positive if one residual direction dominates many small ones. For these, Q is compared with a multiple of a
    chi-squared variable plus a constant, with the first three moments of Q [2]_.

    Parameters
    ----------
    eigenvalues
        Variances along the principal directions that are not retained, shape (m,), any order.
    confidence
        Share of normal vectors below the limit, between 0 and 1.

    Returns
    -------
    The limit; 0 if there is no residual variance.

    Raises
    ------
    ValueError
        If an eigenvalue is negative, or the confidence is not between 0 and 1.

    References
    ----------
    .. [1] J. E. Jackson, G. S. Mudholkar, "Control Procedures for Residuals Associated With Principal Component
       Analysis", Technometrics 21(3), 1979.
    .. [2] J. P. Imhof, "Computing the Distribution of Quadratic Forms in Normal Variables", Biometrika 48, 1961,
       section 4 (the approximation of E. S. Pearson).
    """
    _check_confidence(confidence)
    values = np.asarray(eigenvalues, dtype=np.float64)
    if (values < 0).any():
        raise ValueError("an eigenvalue is negative")
    largest = float(values.max(initial=0.0))
    if largest == 0:
        return 0.0
    # Relative to the largest, the third powers neither overflow nor vanish.
    first, second, third = (float(((values / largest) ** power).sum()) for power in (1, 2, 3))
    h0 = 1 - 2 * first * third / (3 * second**2)
    if h0 < _LEAST_EXPONENT:
        return largest * _three_moments_quantile(first, second, third, confidence)
    normal = NormalDist().inv_cdf(confidence)
    base = 1 + normal * math.sqrt(2 * second) * h0 / first + second * h0 * (h0 - 1) / first**2
    return largest * first * math.pow(max(base, 0.0), 1 / h0)


_LEAST_EXPONENT = 1e-3
"""Below this exponent, rounding errors dominate the power in the formula of Jackson and Mudholkar."""


def upper_fence(values: npt.NDArray[np.floating], factor: float = 1.5) -> float:
    """Return Tukey's upper fence: the third quartile plus a multiple of the interquartile range [1]_.

    Parameters
    ----------
    values
        Shape (n,). NaN is no value.

    Returns
    -------
    The fence; infinity if there are no values.

    References
    ----------
    .. [1] J. W. Tukey, "Exploratory Data Analysis", Addison-Wesley, 1977, chapter 2.
    """
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return math.inf
    lower, upper = np.percentile(present.astype(np.float64), [25, 75])
    return float(upper + factor * (upper - lower))


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"the confidence must be between 0 and 1, not {confidence:g}")


def _three_moments_quantile(first: float, second: float, third: float, confidence: float) -> float:
    """Return a quantile of a sum of squares from the sums of the first three powers of its variances."""
    degrees = second**3 / third**2
    quantile = _chi_squared_quantile(degrees, confidence)
    return max(first + (quantile - degrees) * third / second, 0.0)


def _chi_squared_quantile(degrees: float, confidence: float) -> float:
    """Return a quantile of the chi-squared distribution: the limit of the F distribution, times its degrees."""
    return degrees * _f_quantile(degrees, _MANY_DEGREES, confidence)


_MANY_DEGREES = 1e9
"""With as many degrees of freedom, the denominator of F is 1 to about four digits."""


def _f_quantile(numerator: float, denominator: float, confidence: float) -> float:
    """Return the quantile of the F distribution with any degrees of freedom, by bisection."""

    def upper_tail(value: float) -> float:
        # Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.6.2.
        scaled = numerator * value
        return _incomplete_beta(denominator, scaled, denominator / 2, numerator / 2)

    return _decreasing_root(upper_tail, 1 - confidence)


def _decreasing_root(function: Callable[[float], float], target: float) -> float:
    """Find where a decreasing function of a positive number falls below a target."""
    low = high = 1.0
    while function(high) > target:
        low, high = high, 2 * high
    while function(low) < target:
        low, high = low / 2, low
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > target else (low, middle)
    return (low + high) / 2


def _incomplete_beta(left: float, right: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) at x = left / (left + right).

    Two numbers instead of x keep the digits of x and of 1 - x. The function is a continued fraction [1]_, which
    converges fast for x < (a + 1) / (a + b + 2); the symmetry of the function serves the other half.

    References
    ----------
    .. [1] NIST Digital Library of Mathematical Functions, 8.17.22 and 8.17.4.
    """
    if left * (b + 1) > right * (a + 1):
        return 1 - _incomplete_beta(right, left, b, a)
    if left == 0:
        return 0.0
    x, y = left / (left + right), right / (left + right)
    logarithm = a * math.log(x) + b * math.log(y) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(logarithm) / a / _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Evaluate ``1 + d1/(1 + d2/(1 + ...))`` by the modified method of Lentz (DLMF 3.10)."""
    eps = float(np.finfo(np.float64).eps)
    tiny = 1e-300
    value = upper = 1.0
    lower = 0.0
    for step in range(1, 100_000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        lower = 1 / ((1 + term * lower) or tiny)
        upper = (1 + term / upper) or tiny
        value *= upper * lower
        if abs(upper * lower - 1) <= eps:
            break
    return value
