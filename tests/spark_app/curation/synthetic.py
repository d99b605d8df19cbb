"""Synthetic images for the tests of the curation: labels are clusters of coordinates, and some images are copies."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spark_app.curation.images import IMAGE_ROWS, Images
from spark_app.curation.spread import Spread
from spark_app.numerics.label_statistics import LabelStatistics
from spark_app.numerics.pca import Basis

K = 6
"""Components."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Images and their coordinates."""

    images: Images
    vectors: npt.NDArray[np.float32]

    def take(self, chosen: npt.NDArray[np.integer]) -> "Drawn":
        """Return some of the images, in the order of the keys."""
        chosen = np.sort(chosen)
        return Drawn(Images(self.images.rows.take(pa.array(chosen))), self.vectors[chosen])


def draw(rng: np.random.Generator, n: int, labels: int = 4) -> Drawn:
    """Draw n images. About a tenth are copies of others, a tenth near-duplicates, and a tenth was never measured."""
    codes = rng.integers(-1, labels, n)
    centres = rng.normal(size=(labels + 1, K)) * 4
    vectors = (centres[codes] + rng.normal(size=(n, K))).astype(np.float32)
    contents = rng.integers(1, 2**62, n)
    hashes = rng.integers(-(2**63), 2**63 - 1, n)
    for number, kind in enumerate(rng.integers(0, 10, n)):
        original = rng.integers(0, number + 1)
        if kind < 2 and original < number:
            vectors[number] = vectors[original] if kind else vectors[original] + np.float32(0.01)
            hashes[number] = hashes[original] if kind else hashes[original] ^ int(1 << rng.integers(0, 62))
            contents[number] = contents[original] if kind else contents[number]
    measured = rng.random(n) > 0.1
    columns = {
        "key": [f"{code}/{number:05}.jpg" for number, code in enumerate(codes)],
        "label": [f"label {code}" if code >= 0 else None for code in codes],
        "row_id": rng.integers(-(2**63), 2**63 - 1, n),
        "content_id": pa.array(contents, mask=~measured),
        "perceptual_hash": pa.array(hashes, mask=~measured | (rng.random(n) < 0.05)),
        "width": np.full(n, 100, np.int32),
        "height": rng.choice(np.array([100, 100, 100, 20], np.int32), n),
        "brightness_low": pa.array(rng.random(n).astype(np.float32), mask=~measured),
        "brightness_high": pa.array(rng.random(n).astype(np.float32), mask=~measured),
        "contrast": pa.array(rng.random(n).astype(np.float32), mask=~measured),
        "sharpness": pa.array((1000 * rng.random(n)).astype(np.float32), mask=~measured),
        "entropy": pa.array((8 * rng.random(n)).astype(np.float32), mask=~measured),
        "residual": pa.array(rng.gamma(2, size=n).astype(np.float32), mask=~measured),
    }
    table = pa.table(
        [pa.array(columns[name], type=IMAGE_ROWS.field(name).type) for name in IMAGE_ROWS.names], IMAGE_ROWS
    )
    order = np.argsort(np.array(columns["key"]))
    return Drawn(Images(table.take(pa.array(order))), vectors[order])


def basis(n: int) -> Basis:
    """Return a basis to which n vectors of the tests might have been fitted."""
    spectrum = np.concatenate([np.linspace(9, 4, K), np.full(4, 0.5)])
    return Basis(np.full(10, 0.3), np.ones(10), np.eye(K, 10), spectrum, n)


def labelled(letters: str) -> Images:
    """Return images with one letter each as label; ``-`` stands for no label."""
    rows = [
        {"key": f"{number:03}.jpg", "label": None if letter == "-" else letter, "row_id": number + 1}
        for number, letter in enumerate(letters)
    ]
    return Images(pa.Table.from_pylist(rows, schema=IMAGE_ROWS))


def with_others(numbers: list[int]) -> Spread:
    """Return positions of images whose labels have given numbers of other images."""
    nothing = np.full(len(numbers), np.nan)
    none = LabelStatistics.empty(0, 1)
    return Spread(none, nothing, nothing, nothing, np.array(numbers), np.full(len(numbers), -1))
