"""What a worker needs of an engine: pixels in, features out."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]


class FeatureEngine(Protocol):
    """An engine that computes features."""

    def features(self, pixels: Pixels) -> Features:
        """Compute the features of images.

        Parameters
        ----------
        pixels
            RGB images of shape (n, 224, 224, 3).

        Returns
        -------
        ndarray
            Features of shape (n, 1280).
        """
