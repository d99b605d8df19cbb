"""A folder for TensorBoard's Embedding Projector: vectors, names, pictures, and what refers to them.

The names and formats of the files are those of TensorBoard's plugin ``projector``.
"""

import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from cli.matrix import PROJECTOR_FILES
from cli.matrix_rows import MatrixPiece, MatrixRows
from spark_app.engine.thumbnail import SIDE

VECTORS, NAMES, SPRITE, CONFIG = PROJECTOR_FILES

LARGEST_SPRITE = 8192
"""Most pixels of a side of the sprite: browsers refuse larger textures."""

SMALLEST_TILE = 8
"""Least pixels of a side of a tile that still shows something."""

MOST_PICTURES = (LARGEST_SPRITE // SMALLEST_TILE) ** 2
"""Images for which a sprite has room."""

BLANK = (225, 225, 225)
"""Colour of the tile of an image without a thumbnail."""


@dataclass(frozen=True)
class Tiles:
    """The tiles of a sprite: as many columns as rows, so that the tiles can be as large as possible."""

    count: int

    @property
    def columns(self) -> int:
        """Tiles per row."""
        return max(1, math.isqrt(max(0, self.count - 1)) + 1)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return math.ceil(self.count / self.columns)

    @property
    def side(self) -> int:
        """Width and height of a tile in pixels."""
        return min(SIDE, LARGEST_SPRITE // self.columns)

    def place(self, number: int) -> tuple[int, int]:
        """Return the left and the upper edge of a tile in pixels."""
        return number % self.columns * self.side, number // self.columns * self.side


def write_projector(matrix: MatrixRows, folder: Path) -> bool:
    """Write the files to an existing folder, and return whether there is a sprite.

    It needs thumbnails, and shows `MOST_PICTURES` at most.

    Raises
    ------
    StorageError
        If a table is damaged.
    """
    sprite = _Sprite(Tiles(len(matrix)))
    with (folder / VECTORS).open("wb") as vectors, (folder / NAMES).open("w", encoding="utf-8", newline="") as names:
        names.write("key\tlabel\n")
        for piece in matrix.pictured_pieces():
            vectors.write(piece.coordinates.astype("<f4").tobytes())
            names.writelines(_lines_of(piece))
            sprite.add(piece)
    has_sprite = sprite.save(folder / SPRITE)
    (folder / CONFIG).write_text(_config(matrix, sprite.tiles.side if has_sprite else None), encoding="utf-8")
    return has_sprite


def _lines_of(piece: MatrixPiece) -> list[str]:
    rows = zip(piece.keys.to_pylist(), piece.labels.to_pylist(), strict=True)
    return [f"{_cell(key)}\t{_cell(label or '')}\n" for key, label in rows]


def _cell(text: str) -> str:
    """Return a text without tabs and line breaks, for which the format has no notation."""
    return re.sub("[\\x00-\\x1f\\x7f\\x85\\u2028\\u2029]", " ", text)


class _Sprite:
    """A sprite that is being drawn. Its memory is reserved at the first thumbnail: 200 MB at most."""

    def __init__(self, tiles: Tiles) -> None:
        self.tiles = tiles
        self._next = 0
        self._image: Image.Image | None = None

    def add(self, piece: MatrixPiece) -> None:
        """Draw the thumbnails of the next images."""
        for number, thumbnail in enumerate(piece.thumbnails.to_pylist(), self._next):
            if thumbnail is not None and self.tiles.side >= SMALLEST_TILE:
                self._draw(number, thumbnail)
        self._next += len(piece.thumbnails)

    def _draw(self, number: int, thumbnail: bytes) -> None:
        side = self.tiles.side
        if self._image is None:
            self._image = Image.new("RGB", (self.tiles.columns * side, self.tiles.rows * side), BLANK)
        picture = Image.open(io.BytesIO(thumbnail)).convert("RGB")
        self._image.paste(picture.resize((side, side), Image.Resampling.BILINEAR), self.tiles.place(number))

    def save(self, path: Path) -> bool:
        """Write the sprite, and return whether any image has a thumbnail."""
        if self._image is None:
            return False
        self._image.save(path, compress_level=1)  # a higher level takes many times as long, for a tenth of the size
        return True


def _config(matrix: MatrixRows, side: int | None) -> str:
    """Return a `ProjectorConfig` of TensorBoard in the text format of Protocol Buffers."""
    sprite = (
        f'  sprite {{\n    image_path: "{SPRITE}"\n    single_image_dim: {side}\n    single_image_dim: {side}\n  }}\n'
        if side
        else ""
    )
    return (
        "embeddings {\n"
        f'  tensor_name: "components {matrix.results.summary.run_id}"\n'
        f"  tensor_shape: {len(matrix)}\n  tensor_shape: {matrix.k}\n"
        f'  tensor_path: "{VECTORS}"\n  metadata_path: "{NAMES}"\n{sprite}}}\n'
    )
