"""Explorers for tests: points in clusters, each with a picture that no other point has."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from spark_app.engine.thumbnail import SIDE
from spark_app.explorer.data import Explorer, Points, Sheet

HOSTILE = (
    '<img src=x onerror="document.title=1">',
    "</script><script>document.title=1</script>",
    "\"quotes\" & 'apostrophes' &amp;",
    "\u202egnp.mulp",
    "=HYPERLINK(1)",
)
"""Names that would be markup, an order of writing, or a formula, if something took them for more than text."""

VARIETIES = ("Apple", "Banana", "Cherry", None)
PER_SHEET = 64
COLUMNS = 8


def picture_of(number: int, side: int = SIDE) -> Image.Image:
    """Draw the picture of a point: four quarters whose colours spell its number in base 6."""
    steps = [number // 6**place % 6 * 51 for place in range(4)]
    image = Image.new("RGB", (side, side))
    half = side // 2
    for place, step in enumerate(steps):
        colour = (step, 255 - step, 60 * place)
        image.paste(colour, (place % 2 * half, place // 2 * half, (place % 2 + 1) * half, (place // 2 + 1) * half))
    return image


def sheet_of(numbers: range, pictured: Sequence[bool], side: int = SIDE) -> Sheet:
    """Draw the sheet of consecutive points. A point without a picture has a blank tile."""
    rows = -(-len(numbers) // COLUMNS)
    image = Image.new("RGB", (COLUMNS * side, rows * side), "white")
    for tile, number in enumerate(numbers):
        if pictured[number]:
            image.paste(picture_of(number, side), (tile % COLUMNS * side, tile // COLUMNS * side))
    body = io.BytesIO()
    image.save(body, "webp", quality=60)
    present = any(pictured[number] for number in numbers)
    return Sheet(f"sheet-{numbers.start}", len(numbers), COLUMNS, body.getvalue() if present else b"")


def explorer_of(count: int = 300, *, images: int | None = None, keys: Sequence[str] = (), seed: int = 0) -> Explorer:
    """Make an explorer of points in one cluster per variety, along five components.

    Parameters
    ----------
    count
        Number of points, of which each 50th has no picture.
    images
        Number of all images; `count` if it is `None`.
    keys
        Keys of the first points, which also become their labels.
    """
    random = np.random.default_rng(seed)
    varieties = [VARIETIES[number % len(VARIETIES)] for number in range(count)]
    centres = random.normal(0, 4, (len(VARIETIES), 5))
    coordinates = random.normal(0, 1, (count, 5)) + centres[np.arange(count) % len(VARIETIES)]
    names = [f"{variety or 'loose'}/{number:05}.jpg" for number, variety in enumerate(varieties)]
    brightness = random.uniform(0, 1, count).astype(np.float32)
    brightness[::7] = np.nan
    pictured = np.arange(count) % 50 != 49
    points = Points(
        keys=[*keys, *names[len(keys) :]],
        labels=[*keys, *varieties[len(keys) :]],
        coordinates=coordinates.astype(np.float16),
        numbers={
            "width": np.full(count, 400, np.float32),
            "height": np.full(count, 300, np.float32),
            "brightness": brightness,
        },
        findings={"blurry": np.arange(3, count, 11, dtype=np.int32)} if count > 3 else {},
        pictured=pictured,
        tile=SIDE,
        sheets=[
            sheet_of(range(begin, min(begin + PER_SHEET, count)), list(pictured))
            for begin in range(0, count, PER_SHEET)
        ],
    )
    return Explorer(
        run_id="20260101T000000Z-0a1b2c3d",
        finished_at="2026-01-01T00:01:00Z",
        images=count if images is None else images,
        ratios=[0.4, 0.2, 0.1, 0.05, 0.02],
        points=points,
        notes=["Six images have no picture yet."],
    )
