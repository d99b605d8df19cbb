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

Extent = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of an image, which may end within a pixel."""

_LYING = {5, 6, 7, 8}
"""Orientations that exchange width and height."""
_BOTTOM_FIRST, _RIGHT_FIRST = {3, 4, 7, 8}, {2, 3, 6, 7}
"""Orientations in which the rows, or the columns, of the upright image begin at the other end of the stored image."""


@dataclass(frozen=True)
class StoredImage:
    """The size of an image as it is stored, its orientation (1 to 8), and the scale at which it is decoded."""

    size: tuple[int, int]
    orientation: int
    scale: int = 1
    """Number by which the decoder divides both sides. It rounds the result up."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the upright image, before the decoder has divided them."""
        return self._upright(self.size)

    @property
    def decoded_size(self) -> tuple[int, int]:
        """Width and height of the decoded image, as it is stored."""
        return -(-self.size[0] // self.scale), -(-self.size[1] // self.scale)

    def _upright(self, size: tuple[int, int]) -> tuple[int, int]:
        return size[::-1] if self.orientation in _LYING else size

    def _covered(self, side: int) -> tuple[float, float]:
        """Return where a side (0 or 1) of the upright image begins and ends in the decoded pixels.

        If the scale does not divide a side, the last decoded pixel shows a part of the image only.
        """
        decoded = self._upright(self.decoded_size)[side]
        extent = self.upright_size[side] / self.scale
        is_reversed = self.orientation in (_RIGHT_FIRST, _BOTTOM_FIRST)[side]
        return (decoded - extent, decoded) if is_reversed else (0, extent)

    @property
    def has_columns(self) -> bool:
        """Whether the strips are columns of the upright image, and not rows: Pillow reduces the height first if so."""
        width, height = self._upright(self.decoded_size)
        return height - SIZE > max(0, 2 * (width - SIZE))

    def boxes(self) -> Iterator[Box]:
        """Yield which part of the decoded image makes each strip of the upright image, from top or left."""
        width, height = self.decoded_size
        upright = self._upright(self.decoded_size)
        across, along = upright[::-1] if self.has_columns else upright
        thickness = max(1, STRIP // across)
        is_reversed = self.orientation in (_RIGHT_FIRST if self.has_columns else _BOTTOM_FIRST)
        for start in range(0, along, thickness):
            end = min(start + thickness, along)
            first, last = (along - end, along - start) if is_reversed else (start, end)
            if self.has_columns != (self.orientation in _LYING):
                yield first, 0, last, height
            else:
                yield 0, first, width, last

    def turned(self, part: Image.Image) -> Image.Image:
        """Return a part of the stored image as it is in the upright image."""
        return part.transpose(TRANSPOSITIONS[self.orientation]) if self.orientation in TRANSPOSITIONS else part

    def reduced(self, strips: Iterable[Image.Image]) -> Image.Image:
        """Reduce the upright image, given as the strips of `boxes` in RGB, to a square (bicubic)."""
        width, height = self._upright(self.decoded_size)
        (left, right), (top, bottom) = self._covered(0), self._covered(1)
        between, place = Image.new("RGB", (width, SIZE) if self.has_columns else (SIZE, height)), 0
        for strip in strips:
            turned = self.turned(strip)
            if self.has_columns:
                box: Extent = (0, top, turned.width, bottom)
                between.paste(turned.resize((turned.width, SIZE), Image.Resampling.BICUBIC, box), (place, 0))
                place += turned.width
            else:
                box = (left, 0, right, turned.height)
                between.paste(turned.resize((SIZE, turned.height), Image.Resampling.BICUBIC, box), (0, place))
                place += turned.height
        box = (left, 0, right, SIZE) if self.has_columns else (0, top, SIZE, bottom)
        return between.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box)
