"""The reduction of an image strip by strip, so that no other copy of the whole image is needed.

The pixels are those of Pillow's reduction of the whole upright image. Pillow reduces one side in all rows or columns
first, and then the other side of the result.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from PIL import Image

from spark_app.engine.frames import Box
from spark_app.engine.metadata import TRANSPOSITIONS

SIZE = 224
"""Side in pixels of the reduced image, which is the input of the network."""

STRIP = 500_000
"""Pixels of a strip: few enough to need little memory, and enough that the number of calls does not matter."""

_LYING = {5, 6, 7, 8}
"""Orientations that exchange width and height."""
_BOTTOM_FIRST, _RIGHT_FIRST = {3, 4, 7, 8}, {2, 3, 6, 7}
"""Orientations in which the rows, or the columns, of the upright image begin at the other end of the stored image."""


@dataclass(frozen=True)
class StoredImage:
    """The size of an image as it is stored, and its orientation (1 to 8)."""

    size: tuple[int, int]
    orientation: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the upright image."""
        return self.size[::-1] if self.orientation in _LYING else self.size

    @property
    def has_columns(self) -> bool:
        """Whether the strips are columns of the upright image, and not rows: Pillow reduces the height first if so."""
        width, height = self.upright_size
        return height - SIZE > max(0, 2 * (width - SIZE))

    def boxes(self) -> Iterator[Box]:
        """Yield which part of the stored image makes each strip of the upright image, from top or left."""
        across, along = self.upright_size[::-1] if self.has_columns else self.upright_size
        thickness = max(1, STRIP // across)
        is_reversed = self.orientation in (_RIGHT_FIRST if self.has_columns else _BOTTOM_FIRST)
        for start in range(0, along, thickness):
            end = min(start + thickness, along)
            first, last = (along - end, along - start) if is_reversed else (start, end)
            if self.has_columns != (self.orientation in _LYING):
                yield first, 0, last, self.size[1]
            else:
                yield 0, first, self.size[0], last

    def turned(self, part: Image.Image) -> Image.Image:
        """Return a part of the stored image as it is in the upright image."""
        return part.transpose(TRANSPOSITIONS[self.orientation]) if self.orientation in TRANSPOSITIONS else part

    def reduced(self, strips: Iterable[Image.Image]) -> Image.Image:
        """Reduce the upright image, given as the strips of `boxes` in RGB, to a square (bicubic)."""
        width, height = self.upright_size
        between, place = Image.new("RGB", (width, SIZE) if self.has_columns else (SIZE, height)), 0
        for strip in strips:
            turned = self.turned(strip)
            if self.has_columns:
                between.paste(turned.resize((turned.width, SIZE), Image.Resampling.BICUBIC), (place, 0))
                place += turned.width
            else:
                between.paste(turned.resize((SIZE, turned.height), Image.Resampling.BICUBIC), (0, place))
                place += turned.height
        return between.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
