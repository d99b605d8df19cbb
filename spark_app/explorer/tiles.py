"""Pictures of single images, cut out of the sheets."""

import io
from bisect import bisect_right
from collections.abc import Collection

from PIL import Image

from spark_app.engine.thumbnail import to_webp
from spark_app.explorer.data import Points


def pictures_of(points: Points, keys: Collection[str]) -> dict[str, bytes]:
    """Return WebP files of the pictures of some images, by key, without those that have no picture."""
    wanted = set(keys)
    chosen = [number for number, key in enumerate(points.keys) if key in wanted and points.pictured[number]]
    return {points.keys[number]: _cut(points, number) for number in chosen}


def _cut(points: Points, number: int) -> bytes:
    place = bisect_right(points.first_points, number) - 1
    sheet, side = points.sheets[place], points.tile
    row, column = divmod(number - points.first_points[place], sheet.columns)
    with Image.open(io.BytesIO(sheet.image)) as image:
        return to_webp(image.crop((column * side, row * side, (column + 1) * side, (row + 1) * side)))
