"""Outliers of the corpus and of a label.

Hotelling's T² measures how far an image lies from the mean along the components, the Q residual how far it lies from
their span; both are the usual diagnostics of a PCA model [1]_. Their textbook limits assume normal features. Those of a
network are not normal, so an outlier must also exceed the upper fence of the corpus [2]_.

References
----------
.. [1] J. E. Jackson, G. S. Mudholkar, "Control Procedures for Residuals Associated with Principal Component Analysis",
   Technometrics 21 (3), 1979.
.. [2] J. W. Tukey, "Exploratory Data Analysis", 1977: the third quartile and 1.5 interquartile ranges.
"""

import numpy as np

from contract.findings import Kind
from spark_app.curation.found import Found, found_alone
from spark_app.curation.images import Floats, Images
from spark_app.curation.spread import Reals, Spread
from spark_app.numerics.limits import hotelling_limit, residual_limit, upper_fence
from spark_app.numerics.pca import Basis

ROUNDING = 1e-10
"""Share of the variance below which the residuals are rounding errors."""


def find_outliers(spread: Spread, residuals: Floats, basis: Basis, confidence: float) -> Found:
    """Find the outliers of the corpus.

    Parameters
    ----------
    residuals
        Q residuals, shape (n,); nan if unknown.
    """
    k = len(basis.components)
    of_hotelling = max(hotelling_limit(k, basis.count, confidence), upper_fence(spread.hotelling))
    is_rounding = basis.spectrum[k:].sum() <= ROUNDING * basis.spectrum.sum()
    of_residuals = (
        np.inf if is_rounding else max(residual_limit(basis.spectrum[k:], confidence), upper_fence(residuals))
    )
    excess = np.fmax(_relative(spread.hotelling, of_hotelling), _relative(residuals, of_residuals))
    found = np.flatnonzero(excess > 1)
    details = [
        f"T² {spread.hotelling[image]:.4g} (limit {of_hotelling:.4g})"
        + (f", Q {residuals[image]:.4g} (limit {of_residuals:.4g})" if residuals[image] >= 0 else "")
        for image in found
    ]
    return found_alone(Kind.OUTLIER, found, excess[found], details)


def _relative(values: Reals | Floats, limit: float) -> Reals:
    return values.astype(np.float64) / limit if limit > 0 else np.zeros(len(values))


def find_label_outliers(images: Images, spread: Spread, ratio: float) -> Found:
    """Find images that are more than `ratio` times as far from the centroid of their label as its other images are."""
    is_judged = spread.has_others & (spread.spreads > 0)
    relative = np.divide(spread.distances, spread.spreads, out=np.zeros(len(images)), where=is_judged)
    found = np.flatnonzero(relative > ratio)
    details = [
        f"{relative[image]:.2f} times as far from the centre of {images.label(int(image))!r} as the other "
        f"{spread.others[image]:,} images"
        for image in found
    ]
    return found_alone(Kind.LABEL_OUTLIER, found, relative[found], details)
