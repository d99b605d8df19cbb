"""Pictures of single images, cut out of the sheets."""

import io
from collections.abc import Collection

import numpy as np
from PIL import Image

from spark_app.engine.thumbnail import METHOD, QUALITY
from spark_app.explorer.data import Points, Sheet


def pictures_of(points: Points, keys: Collection[str]) -> dict[str, bytes]:
    """Return WebP files of the pictures of some images, by key, without those that have no picture."""
    wanted = set(keys)
    counts = [sheet.count for sheet in points.sheets]
    sheet_of = np.repeat(np.arange(len(counts)), counts)
    tile_of = np.arange(len(points)) - np.cumsum([0, *counts])[sheet_of]
    chosen = [number for number, key in enumerate(points.keys) if key in wanted and points.pictured[number]]
    return {points.keys[n]: _cut(points.sheets[sheet_of[n]], int(tile_of[n]), points.tile) for n in chosen}


def _cut(sheet: Sheet, tile: int, side: int) -> bytes:
    row, column = divmod(tile, sheet.columns)
    with Image.open(io.BytesIO(sheet.image)) as image:
        picture = image.crop((column * side, row * side, (column + 1) * side, (row + 1) * side))
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY, method=METHOD)
    return file.getvalue()
