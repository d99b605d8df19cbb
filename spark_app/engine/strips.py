"""The reduction of an image strip by strip, so that no other copy of the whole image is needed.

The pixels are those of Pillow's reduction of the whole upright image: Pillow reduces the width of each row first, and
then the height of the result.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from PIL import Image

from spark_app.engine.frames import Box
from spark_app.engine.metadata import TRANSPOSITIONS

STRIP = 500_000
"""Pixels of a strip: few enough to need little memory, and enough that calls do not matter."""

_LYING = {5, 6, 7, 8}
"""Orientations that exchange width and height."""
_FROM_THE_END = {3, 4, 7, 8}
"""Orientations in which the upright image begins with the last row or column of the stored one."""


@dataclass(frozen=True)
class StoredImage:
    """The size of an image as it is stored, and its orientation (1 to 8)."""

    size: tuple[int, int]
    orientation: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the upright image."""
        return self.size[::-1] if self.orientation in _LYING else self.size

    def boxes(self) -> Iterator[Box]:
        """Yield which part of the stored image makes each strip of rows of the upright image, from top to bottom."""
        width, height = self.upright_size
        rows = max(1, STRIP // width)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            first, last = (height - bottom, height - top) if self.orientation in _FROM_THE_END else (top, bottom)
            yield (first, 0, last, self.size[1]) if self.orientation in _LYING else (0, first, self.size[0], last)

    def turned(self, part: Image.Image) -> Image.Image:
        """Return a part of the stored image as it is in the upright image."""
        return part.transpose(TRANSPOSITIONS[self.orientation]) if self.orientation in TRANSPOSITIONS else part


def reduced(strips: Iterable[Image.Image], height: int, side: int) -> Image.Image:
    """Reduce an image of that height, given as strips of rows in RGB, to a square (bicubic)."""
    narrow, top = Image.new("RGB", (side, height)), 0
    for strip in strips:
        narrow.paste(strip.resize((side, strip.height), Image.Resampling.BICUBIC), (0, top))
        top += strip.height
    return narrow.resize((side, side), Image.Resampling.BICUBIC)
