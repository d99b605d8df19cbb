"""Measurements of an image: a perceptual hash, and numbers on its light, its detail and its information.

They are made of the pixels that the network receives, 224x224 RGB, so they do not depend on the size of the file. They
are numbers and no verdicts. Values are rounded, so that all machines give the same ones as far as possible.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_app.engine.interface import Pixels
from spark_app.engine.strips import SIZE

GRID = 56
"""Cells per side that hash, contrast and sharpness are made of, each the mean of 4x4 pixels. It divides 224, so all
cells have the same weight, and it is below the size of small images (100x100), so they count as sharp as large ones."""

STEP = 4
"""Distance in both directions of the pixels that brightness and entropy are made of. All pixels would take several
times as long. The values of 290 photos and studio shots of fruit differ by at most 0.03, their entropy by 0.09 bits."""

LEAST_SPREAD = 7.0
"""Least median distance of the coefficients from their median with which an image has a hash, in grey levels.

Below it, noise would decide half of the bits. Blank pictures of 100x100 pixels with noise of a standard deviation of 20
grey levels, saved as JPEG of quality 30 to 95, have at most 6.4; 690 photos and studio shots of fruit have at least 35.
Smooth gradients, and drawings with an axis of symmetry, have no hash either: most, or half, of their coefficients are
zero apart from noise."""

_SIDE = SIZE // GRID
_FREQUENCIES = 8
_COSINES = np.cos(np.pi * np.arange(_FREQUENCIES)[:, np.newaxis] * (2 * np.arange(GRID) + 1) / (2 * GRID)) * 8 / GRID
"""DCT-II, shape (8, 56): its lowest frequencies. Coefficients are as large as those of an orthonormal DCT at 32x32."""
_DIGITS = 3
"""Decimals of a coefficient that count, so that rounding errors decide no bit of a symmetric image."""

_GREY = np.array([299, 587, 114], np.float32)
"""Thousandths of R, G and B in a grey value, as ITU-R BT.601 and Pillow weight them."""
_ONE_ROW = np.tile(_GREY, _SIDE)
"""The weights of the values of the four pixels in a row of a cell."""
_SQUARES = [np.arange(256, dtype=np.uint32) ** 2 * weight for weight in (241, 691, 68)]
"""What each value of R, G and B adds to the square of the brightness, in thousandths."""
_LOW, _HIGH = 0.05, 0.99
"""Quantiles of the brightness."""
_LEVELS = 256
_FIRST_BINS = np.array([0, _LEVELS, 2 * _LEVELS])
"""Bins of the value 0 of R, G and B in the histogram of all values."""

Cells = npt.NDArray[np.float64]
"""Grey values, 0 to 255, of shape (56, 56)."""
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """Measurements of an image, named as the columns of the table `features`."""

    perceptual_hash: int | None
    """64 bits, as a signed number; `None` for an image without structure."""
    brightness: float
    """Mean of the brightness of the pixels, 0 to 1."""
    brightness_low: float
    """5th percentile of the brightness of the pixels, 0 to 1."""
    brightness_high: float
    """99th percentile of the brightness of the pixels, 0 to 1."""
    contrast: float
    """Standard deviation of the grey values at 56x56 divided by 255, 0 to 0.5."""
    sharpness: float
    """Variance of the Laplacian of the grey values at 56x56, which are 0 to 255."""
    entropy: float
    """Of the histogram of the values of all three channels, in bits: 1.6 for a single colour, at most 9.6."""


def measure(pixels: Pixels) -> Measures:
    """Measure an image.

    The brightness of a pixel is ``sqrt(0.241 R^2 + 0.691 G^2 + 0.068 B^2) / 255``, and the entropy is Pillow's
    ``Image.entropy`` of an RGB image. Both are those of CleanVision, so that its thresholds can be used [1]_ [2]_, but
    of every fourth pixel in both directions.

    Parameters
    ----------
    pixels
        Shape (224, 224, 3), RGB.

    References
    ----------
    .. [1] D. R. Finley, HSP Color Model, http://alienryderflex.com/hsp.html
    .. [2] https://github.com/cleanlab/cleanvision
    """
    cells = grey_cells(pixels)
    sample = pixels[STEP // 2 :: STEP, STEP // 2 :: STEP].reshape(-1, 3)
    brightness = _sorted_brightness(sample)
    return Measures(
        perceptual_hash=perceptual_hash(cells),
        brightness=_rounded(brightness.mean()),
        brightness_low=_rounded(_quantile(brightness, _LOW)),
        brightness_high=_rounded(_quantile(brightness, _HIGH)),
        contrast=_rounded(_variance(cells) ** 0.5 / 255),
        sharpness=_rounded(sharpness(cells)),
        entropy=_rounded(_entropy(sample)),
    )


def grey_cells(pixels: Pixels) -> Cells:
    """Return the means of the grey values of 4x4 pixels.

    The sums are whole numbers below 2^24, so that float32 is exact. A loop over the rows of the cells takes half of
    the time of NumPy's sums over short axes, and nothing is converted for Pillow, which would take as long as the rest.
    """
    values = pixels.reshape(SIZE, -1)
    rows = np.add(values[::_SIDE], values[1::_SIDE], dtype=np.uint16)
    for row in range(2, _SIDE):
        rows += values[row::_SIDE]
    sums = rows.astype(np.float32).reshape(GRID, GRID, -1) @ _ONE_ROW
    return sums / (_GREY.sum(dtype=np.float64) * _SIDE * _SIDE)


def perceptual_hash(cells: Cells) -> int | None:
    """Return a hash that similar images share, except for a few bits; `None` for an image without structure.

    The bits say which of the 8x8 lowest frequencies of the image are above their median. This is pHash [1]_, as
    ``imagehash.phash(image, highfreq_factor=7)`` computes it. The original reduces the image to 32x32 instead of 56x56,
    which changes its lowest frequencies hardly. The distance of two hashes is the Hamming distance, the number of bits
    in which they differ.

    References
    ----------
    .. [1] N. Krawetz, Looks Like It, http://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html
    """
    coefficients = np.round(_COSINES @ cells @ _COSINES.T, _DIGITS).ravel()
    middle = _median(coefficients)
    if _median(np.abs(coefficients - middle)) < LEAST_SPREAD:
        return None
    return int.from_bytes(np.packbits(coefficients > middle).tobytes(), "big", signed=True)


def sharpness(cells: Cells) -> float:
    """Return the variance of the Laplacian, in squares of grey levels.

    The Laplacian is the sum of the four neighbours of a cell minus four times the cell, for cells that have four
    neighbours. Contrast multiplies it: ``sharpness / (255 * contrast) ** 2`` does not depend on the contrast.
    """
    laplacian = cells[:-2, 1:-1] + cells[2:, 1:-1]
    laplacian += cells[1:-1, :-2]
    laplacian += cells[1:-1, 2:]
    laplacian -= 4 * cells[1:-1, 1:-1]
    return _variance(laplacian)


def _sorted_brightness(pixels: Pixels) -> _Floats:
    """Return the brightness of pixels of shape (n, 3), 0 to 1, in ascending order."""
    red, green, blue = _SQUARES
    thousandths = red.take(pixels[:, 0])
    thousandths += green.take(pixels[:, 1])
    thousandths += blue.take(pixels[:, 2])
    thousandths.sort()
    brightness: _Floats = np.sqrt(thousandths / (1000 * 255**2))
    return brightness


def _entropy(pixels: Pixels) -> float:
    """Return the entropy of the values of pixels of shape (n, 3), which count as different in different channels."""
    counts = np.bincount((pixels + _FIRST_BINS).ravel())
    shares = counts[counts > 0] / pixels.size
    return -float(shares @ np.log2(shares))


def _quantile(ascending: _Floats, quantile: float) -> float:
    """Return a quantile as `numpy.quantile` does, which takes longer because it does not know the order."""
    place = (len(ascending) - 1) * quantile
    below = int(place)
    low, high = ascending[below : below + 2]
    return float(low + (high - low) * (place - below))


def _median(values: _Floats) -> float:
    """Return the median of an even number of values; `numpy.median` takes ten times as long for 64."""
    middle = np.sort(values)[len(values) // 2 - 1 : len(values) // 2 + 1]
    return float(middle[0] + middle[1]) / 2


def _variance(values: _Floats) -> float:
    """Return the variance, which is exactly 0 if all values are equal."""
    deviations = values - values.flat[0]
    deviations -= deviations.mean()
    return float(np.vdot(deviations, deviations)) / values.size


def _rounded(value: float) -> float:
    return float(np.float32(value))
