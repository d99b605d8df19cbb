"""Synthetic rows of `features` that resemble each other as images do: frames of rotations, varieties, and kinds.

Each variety has one or several rotations of `FRAMES` frames. Neighbouring frames are almost equal, varieties of one
kind are similar, and a few rows are copies of others. The distances of the hashes resemble those of 600 images of
Fruits-360, in the median: frames that are 11, 22 and 55 degrees apart differ in 8, 12 and 18 bits (here 6, 10 and 14),
images of two varieties in 24 (here 20), and 0.11 % of such pairs in at most 8 (here 0.07 %).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spark_app.settings import FEATURE_COUNT
from spark_app.stages.outcomes import OUTCOMES

VARIETIES, KINDS = 131, 20
FRAMES = 125
"""Frames of a rotation."""
ROWS = 5_000
"""Rows of a table: 40 rotations."""
COPIES = 50
"""Rows of a table that are exact copies of others, and as many that are almost equal to others."""

HARMONICS = 10
"""A rotation is a sum of so many harmonics, so that its last frame resembles its first one."""
FACTORS = 200
"""Dimensions in which the features differ."""

Matrix = npt.NDArray[np.float64]


def clustered(size: int, model_id: str) -> Iterator[pa.Table]:
    """Yield rows of features with hashes and measurements, at most `ROWS` at a time."""
    random = np.random.default_rng(0)
    of_hashes = Rotations(random, 64, (1.4, 0.7, 0.3, 0.2, 0.9))
    of_features = Rotations(random, FACTORS, (0.0, 0.6, 0.6, 0.3, 0.4))
    spread = random.normal(size=(FACTORS, FEATURE_COUNT)) * 0.98 ** np.arange(FACTORS)[:, np.newaxis] / 10
    for start in range(0, size, ROWS):
        rotations = np.arange(start // FRAMES, (start + ROWS) // FRAMES)
        latent = of_hashes.frames(rotations)
        bits = latent > np.median(latent, axis=1, keepdims=True)
        factors = of_features.frames(rotations) + 0.15 * random.normal(size=(ROWS, FACTORS))
        features = np.maximum(factors @ spread, 0).astype(np.float32)
        numbers = np.arange(start, start + ROWS)
        _copy(random, numbers, bits, features)
        labels = np.repeat(rotations % VARIETIES, FRAMES)
        keys = [f"Variety {label:03}/{number}.jpg" for number, label in enumerate(labels, start)]
        columns = {
            **constant_columns(model_id, ROWS),
            **measured_columns(random, numbers),
            "key": keys,
            "label": [Path(key).parent.name for key in keys],
            "perceptual_hash": np.packbits(bits, axis=1).view(">i8").ravel().astype(np.int64),
            "features": list(features),
        }
        yield table_of(columns).slice(0, size - start)


class Rotations:
    """Points of a space through which the frames of rotations move."""

    def __init__(self, random: np.random.Generator, dimensions: int, scales: tuple[float, ...]) -> None:
        """Place the varieties.

        Parameters
        ----------
        scales
            Standard deviations of what all have in common, of the kinds, the varieties, the rotations, and within a
            rotation.
        """
        common, kind, variety, self._rotation, self._within = scales
        self._random, self._dimensions = random, dimensions
        self._varieties = common * random.normal(size=dimensions) + variety * random.normal(
            size=(VARIETIES, dimensions)
        )
        self._varieties += kind * random.normal(size=(KINDS, dimensions))[np.arange(VARIETIES) % KINDS]
        angles = 2 * np.pi * np.arange(FRAMES)[:, np.newaxis] / FRAMES * np.arange(1, HARMONICS + 1)
        weights = np.arange(1, HARMONICS + 1) ** -0.8
        weights /= np.sqrt((weights**2).sum())
        self._waves = np.hstack([np.cos(angles) * weights, np.sin(angles) * weights])

    def frames(self, rotations: npt.NDArray[np.int64]) -> Matrix:
        """Return the frames of rotations, shape (len(rotations) * FRAMES, dimensions)."""
        return np.concatenate([self._of(int(rotation) % VARIETIES) for rotation in rotations])

    def _of(self, variety: int) -> Matrix:
        centre = self._varieties[variety] + self._rotation * self._random.normal(size=self._dimensions)
        amplitudes = self._within * self._random.normal(size=(2 * HARMONICS, self._dimensions))
        frames: Matrix = centre + self._waves @ amplitudes
        return frames


def _copy(
    random: np.random.Generator,
    numbers: npt.NDArray[np.int64],
    bits: npt.NDArray[np.bool_],
    features: npt.NDArray[np.float32],
) -> None:
    """Turn some rows into copies of others, and some into almost equal ones, which have numbers of their own."""
    chosen = random.permutation(ROWS)[: 4 * COPIES].reshape(4, COPIES)
    for target, source in ((chosen[0], chosen[1]), (chosen[2], chosen[3])):
        bits[target], features[target] = bits[source], features[source]
    numbers[chosen[0]] = numbers[chosen[1]]
    bits[chosen[2], random.integers(0, bits.shape[1], COPIES)] ^= True
    features[chosen[2]] *= random.uniform(0.9, 1.1, (COPIES, FEATURE_COUNT)).astype(np.float32)


def constant_columns(model_id: str, rows: int) -> dict[str, object]:
    """Return the columns that are the same in all synthetic rows."""
    constants = {
        "etag": "synthetic",
        "width": 100,
        "height": 100,
        "model_id": model_id,
        "run_id": "synthetic",
        "processed_at": datetime.now(UTC),
    }
    return {name: [value] * rows for name, value in constants.items()}


def measured_columns(random: np.random.Generator, numbers: npt.NDArray[np.int64]) -> dict[str, object]:
    """Return measurements of usual pictures, with a hash of the content that belongs to a number."""
    n = len(numbers)

    def around(middle: float, deviation: float) -> npt.NDArray[np.float32]:
        return random.normal(middle, deviation, n).astype(np.float32)

    return {
        "content_hash": [f"{number:064x}" for number in numbers],
        "perceptual_hash": random.integers(-(2**63), 2**63 - 1, n),
        "brightness": around(0.7, 0.05),
        "brightness_low": around(0.3, 0.05),
        "brightness_high": around(0.97, 0.01),
        "contrast": around(0.25, 0.02),
        "sharpness": around(300, 30),
        "entropy": around(6.5, 0.3),
    }


def table_of(columns: Mapping[str, object]) -> pa.Table:
    """Return rows of `OUTCOMES` with some of its columns."""
    schema = pa.schema([field for field in OUTCOMES if field.name in columns])
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)
