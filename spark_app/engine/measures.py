"""Measurements of an image: a perceptual hash, and numbers on its light, its detail and its information.

They are made of the pixels that the network receives, 224x224 RGB, so they do not depend on the size of the file. They
are numbers and no verdicts. Sums that decide the values are exact, so that all machines give the same values, rounded
to float32.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from spark_app.engine.interface import Pixels
from spark_app.engine.strips import SIZE

HASH_GRID = 32
"""Cells per side that the perceptual hash is made of, each the mean of 7x7 pixels."""

SHARPNESS_GRID = 56
"""Cells per side that the sharpness is made of, each the mean of 4x4 pixels. It divides 224, so all cells have the same
weight, and it is below the size of small images (100x100), so they count as sharp as large ones."""

STEP = 4
"""Distance in both directions of the pixels that brightness and contrast are made of. All pixels would
take several times as long. The values of 120 photos and studio shots differ by at most 0.03, and those of most by less
than 0.002."""

LEAST_SPREAD = 7.0
"""Least median distance of the coefficients from their median with which an image has a hash, in grey levels.

Below it, noise would decide half of the bits. Blank pictures of 100x100 pixels with noise of a standard deviation of 20
grey levels, saved as JPEG of quality 30 to 95, have at most 6.4; 690 photos and studio shots of fruit have at least 35.
Smooth gradients, and drawings with an axis of symmetry, have no hash either: most, or half, of their coefficients are
zero apart from noise."""

_FREQUENCIES = 8
_COSINES = np.cos(np.pi * np.arange(_FREQUENCIES)[:, np.newaxis] * (2 * np.arange(HASH_GRID) + 1) / (2 * HASH_GRID)) / 4
"""DCT-II, shape (8, 32): its lowest frequencies. The division by 4 makes the rows but the first unit vectors."""
_DIGITS = 3
"""Decimals of a coefficient that count, so that rounding errors decide no bit of a symmetric image."""

_WEIGHTS = np.array([241.0, 691.0, 68.0])
"""Thousandths of the squares of R, G and B in the square of the brightness."""
_LOW, _HIGH = 0.05, 0.99
"""Quantiles of the brightness."""

_Cells = npt.NDArray[np.uint16]
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
    """Standard deviation of the grey values divided by 255, 0 to 0.5."""
    sharpness: float
    """Variance of the Laplacian of the grey values, which are 0 to 255, at 56x56."""
    entropy: float
    """Of the histogram of the values of all three channels, in bits: 1.6 for a single colour, at most 9.6."""


def measure(pixels: Pixels) -> Measures:
    """Measure an image.

    The brightness of a pixel is ``sqrt(0.241 R^2 + 0.691 G^2 + 0.068 B^2) / 255``, and the entropy is Pillow's
    ``Image.entropy`` of the RGB image. Both are those of CleanVision, so that its thresholds can be used [1]_ [2]_.
    Brightness and contrast are those of every fourth pixel in both directions.

    Parameters
    ----------
    pixels
        Shape (224, 224, 3), RGB.

    References
    ----------
    .. [1] D. R. Finley, HSP Color Model, http://alienryderflex.com/hsp.html
    .. [2] https://github.com/cleanlab/cleanvision
    """
    image = Image.fromarray(pixels)
    grey = np.asarray(image.convert("L"))
    brightness = _sorted_brightness(pixels[STEP // 2 :: STEP, STEP // 2 :: STEP])
    sample = grey[STEP // 2 :: STEP, STEP // 2 :: STEP].astype(np.float64)
    return Measures(
        perceptual_hash=perceptual_hash(grey),
        brightness=_rounded(brightness.mean()),
        brightness_low=_rounded(_quantile(brightness, _LOW)),
        brightness_high=_rounded(_quantile(brightness, _HIGH)),
        contrast=_rounded(_variance(sample) ** 0.5 / 255),
        sharpness=_rounded(sharpness(grey)),
        entropy=_rounded(image.entropy()),
    )


def perceptual_hash(grey: Pixels) -> int | None:
    """Return a hash that similar images share, except for a few bits; `None` for an image without structure.

    The bits say which of the 8x8 lowest frequencies of the image at 32x32 are above their median. This is pHash [1]_
    with the order of bits of the library imagehash. Its distance is the Hamming distance, the number of bits in which
    two hashes differ.

    Parameters
    ----------
    grey
        Shape (224, 224), grey values.

    References
    ----------
    .. [1] N. Krawetz, Looks Like It, http://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html
    """
    cells = _block_sums(grey, HASH_GRID) / (SIZE // HASH_GRID) ** 2
    coefficients = np.round(_COSINES @ cells @ _COSINES.T, _DIGITS).ravel()
    middle = _median(coefficients)
    if _median(np.abs(coefficients - middle)) < LEAST_SPREAD:
        return None
    return int.from_bytes(np.packbits(coefficients > middle).tobytes(), "big", signed=True)


def sharpness(grey: Pixels) -> float:
    """Return the variance of the Laplacian of the image at 56x56, in squares of grey levels.

    The Laplacian is the sum of the four neighbours of a cell minus four times the cell, for cells that have four
    neighbours. Contrast multiplies it: ``sharpness / (255 * contrast) ** 2`` does not depend on the contrast.

    Parameters
    ----------
    grey
        Shape (224, 224), grey values.
    """
    cells = _block_sums(grey, SHARPNESS_GRID).astype(np.float64)
    laplacian = cells[:-2, 1:-1] + cells[2:, 1:-1]
    laplacian += cells[1:-1, :-2]
    laplacian += cells[1:-1, 2:]
    laplacian -= 4 * cells[1:-1, 1:-1]
    return _variance(laplacian) / (SIZE // SHARPNESS_GRID) ** 4


def _block_sums(grey: Pixels, cells: int) -> _Cells:
    """Return the sums of the blocks of an image, shape (cells, cells).

    A loop over the rows and columns of a block takes a third of the time of NumPy's sums over short axes.
    """
    side = SIZE // cells
    rows = grey[::side].astype(np.uint16)  # a sum is at most 7 * 7 * 255 < 2**16
    for row in range(1, side):
        rows += grey[row::side]
    sums = rows[:, ::side].copy()
    for column in range(1, side):
        sums += rows[:, column::side]
    return sums


def _sorted_brightness(pixels: Pixels) -> _Floats:
    """Return the brightness of pixels of shape (rows, columns, 3), 0 to 1, in ascending order."""
    squares = pixels.reshape(-1, 3).astype(np.float64)
    squares *= squares
    brightness: _Floats = squares @ _WEIGHTS
    brightness.sort()  # whole numbers until here
    brightness /= _WEIGHTS.sum()
    np.sqrt(brightness, out=brightness)
    brightness /= 255
    return brightness


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
    """Return the variance of a few thousand whole numbers, whose sums are exact in any order."""
    total = float(values.sum())
    return (values.size * float(np.vdot(values, values)) - total * total) / values.size**2


def _rounded(value: float) -> float:
    return float(np.float32(value))
