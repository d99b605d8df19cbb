"""Findings of one kind, before they become rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.findings import Kind
from spark_app.curation.images import Numbers

NONE = -1
"""Position of an image that does not exist."""


@dataclass(frozen=True, eq=False)
class Found:
    """Findings of one kind: n of them."""

    kind: Kind
    images: Numbers
    """Positions of the images, shape (n,)."""
    scores: npt.NDArray[np.float64]
    """Shape (n,). The higher, the worse."""
    others: Numbers
    """Positions of the images that these resemble, shape (n,); `NONE` where there is none."""
    details: Sequence[str]
    """A sentence about each finding, without the full stop."""

    def __post_init__(self) -> None:
        lengths = {len(self.images), len(self.scores), len(self.others), len(self.details)}
        if lengths != {len(self.images)}:
            raise ValueError(f"not findings: lengths {lengths}")


def found_alone(kind: Kind, images: Numbers, scores: npt.NDArray[np.floating], details: Sequence[str]) -> Found:
    """Return findings that concern one image each."""
    return Found(kind, images, scores.astype(np.float64), np.full(len(images), NONE), details)
