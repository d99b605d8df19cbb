"""What the explorer shows: the points of a sample of the images, and their pictures."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np
import numpy.typing as npt

Coordinates = npt.NDArray[np.float16]
Numbers = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Sheet:
    """The pictures of consecutive points, in one image of equal square tiles."""

    sheet_id: str
    """Hash of everything that the image is made of."""
    count: int
    """Number of the points, also of those without a picture, whose tile is blank."""
    columns: int
    """Tiles per row. The tiles have the order of the points, row by row."""
    image: bytes
    """A WebP file; empty if no point has a picture."""


@dataclass(frozen=True, eq=False)
class Points:
    """The images of a sample, in the order of the hashes of their keys.

    The sheets follow each other in the same order, so that the number of a point gives its tile.
    """

    keys: list[str]
    labels: list[str | None]
    coordinates: Coordinates
    """Shape (n, m): along the first m components."""
    numbers: dict[str, Numbers]
    """Numbers of the images by name, such as ``brightness``, each of shape (n,); NaN where a number is unknown."""
    findings: dict[str, Places]
    """Numbers of the points with a finding, by kind, ascending. Kinds without points are left out."""
    pictured: npt.NDArray[np.bool_]
    """Whether a point has a picture; shape (n,)."""
    tile: int
    """Width and height of a tile in pixels, at most those of a thumbnail."""
    sheets: list[Sheet]

    def __post_init__(self) -> None:
        n = len(self.keys)
        columns = {len(self.labels), len(self.coordinates), len(self.pictured), *map(len, self.numbers.values())}
        if columns - {n} or sum(sheet.count for sheet in self.sheets) != n:
            raise ValueError("the columns and the sheets have different numbers of points")

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def first_points(self) -> list[int]:
        """Number of the first point of each sheet."""
        return list(accumulate((sheet.count for sheet in self.sheets), initial=0))[:-1]


@dataclass(frozen=True, eq=False)
class Explorer:
    """The content of the explorer's page."""

    run_id: str
    finished_at: str
    images: int
    """Number of all images, of which the points are a fair sample: those with the least hashes of their keys."""
    ratios: list[float]
    """Share of the variance along each of the components of `Points.coordinates`."""
    points: Points
    notes: list[str] = field(default_factory=list)
    """Sentences that a reader should know, such as why some points have no picture."""
