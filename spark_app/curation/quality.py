"""Bad pictures: dark, bright, blurry, without information, or of an odd size.

The thresholds of brightness, entropy, sizes and aspect ratios are those of CleanVision [1]_. An image must also differ
from the corpus: where all photos are taken at night, none of them is a bad one. Blurriness is judged by another rule,
because CleanVision's measure contains the unfiltered border of the picture.

References
----------
.. [1] https://github.com/cleanlab/cleanvision, ``issue_managers/image_property_issue_manager.py``
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from contract.findings import Kind
from spark_app.curation.found import Found, found_alone
from spark_app.curation.images import Floats, Images
from spark_app.settings import CurationSettings

OF_MEDIAN = 0.75
"""A bad picture has less than this part of the median of the corpus."""


@dataclass(frozen=True, eq=False)
class _Scale:
    """A quantity of which bad pictures have little."""

    kind: Kind
    values: Floats
    """Shape (n,); nan for images that were not measured."""
    least: float
    """Threshold below which a picture is bad, if it also differs from the corpus."""
    wording: str
    """Format of the detail, with the placeholders `value` and `limit`."""


def find_bad_pictures(images: Images, settings: CurationSettings) -> Iterator[Found]:
    """Find the bad pictures, kind by kind."""
    for scale in _scales(images, settings):
        yield _below(scale)
    yield _odd_sizes(images, settings)


def _scales(images: Images, settings: CurationSettings) -> Iterator[_Scale]:
    high, low = images.measure("brightness_high"), images.measure("brightness_low")
    yield _Scale(
        Kind.DARK, high, settings.dark_below, "99 % of the pixels are darker than {value:.2f}, limit {limit:.2f}"
    )
    yield _Scale(
        Kind.BRIGHT,
        1 - low,
        1 - settings.bright_above,
        "95 % of the pixels are at most {value:.2f} from white, limit {limit:.2f}",
    )
    entropy = images.measure("entropy")
    # Noise decides about the sharpness of a picture without contrast, which the other kinds describe.
    has_contrast = (entropy >= settings.low_information_below) & (high >= settings.dark_below)
    sharpness = relative_sharpness(images)
    sharpness[~has_contrast] = np.nan
    yield _Scale(
        Kind.BLURRY, sharpness, settings.blurry_below, "sharpness {value:.4f} of the contrast, limit {limit:.4f}"
    )
    yield _Scale(Kind.LOW_INFORMATION, entropy, settings.low_information_below, "{value:.2f} bits, limit {limit:.2f}")


def relative_sharpness(images: Images) -> Floats:
    """Return the variance of the Laplacian divided by the variance of the grey values, shape (n,).

    The quotient does not depend on the contrast of a picture, so that a pale picture is not taken for a blurry one.
    """
    variance = (255 * images.measure("contrast")) ** 2
    variance[variance == 0] = np.nan
    quotient: Floats = images.measure("sharpness") / variance
    return quotient


def _below(scale: _Scale) -> Found:
    measured = scale.values[~np.isnan(scale.values)]
    limit = min(scale.least, OF_MEDIAN * float(np.median(measured))) if len(measured) else 0.0
    images = np.flatnonzero(scale.values < limit)
    values = scale.values[images]
    details = [scale.wording.format(value=value, limit=limit) for value in values]
    return found_alone(scale.kind, images, 1 - values / limit if limit else values, details)


def _odd_sizes(images: Images, settings: CurationSettings) -> Found:
    """Find images whose side, the root of their area, is beyond the quartiles, and oblong ones."""
    sizes = images.sizes.astype(np.float64)
    if not len(sizes):
        return found_alone(Kind.ODD_SIZE, np.empty(0, np.int64), np.empty(0), [])
    sides = np.sqrt(sizes.prod(axis=1))
    first, third = np.percentile(sides, [25, 75])
    margin = settings.odd_size_factor * (third - first)
    # Without any spread, rounding of a resized picture by a pixel is no finding.
    margin = margin or OF_MEDIAN * first
    beyond = np.maximum(first - sides, sides - third) / max(margin, 1.0)
    oblong = sizes.min(axis=1) / np.maximum(sizes.max(axis=1), 1)
    oddness = np.maximum(beyond, settings.odd_aspect_below / np.maximum(oblong, 1e-9))
    odd = np.flatnonzero(oddness > 1)
    usual = f"{first:.0f}" if first == third else f"{first:.0f} to {third:.0f}"
    details = [
        f"{width}x{height} pixels; the short side is {share:.2f} of the long one (limit "
        f"{settings.odd_aspect_below:.2f}), and the root of the area is {side:.0f} (usual: {usual})"
        for (width, height), share, side in zip(images.sizes[odd], oblong[odd], sides[odd], strict=True)
    ]
    return found_alone(Kind.ODD_SIZE, odd, oddness[odd], details)
