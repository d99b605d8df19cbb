"""Explorers of any number of points for benchmarks, with pictures of real images."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from spark_app.engine.thumbnail import SIDE
from spark_app.explorer.data import Explorer, Points, Sheet

PER_SHEET = 64
COLUMNS = 8
QUALITY = 60
COMPONENTS = 16


def sheets_of(tiles: Iterator[Image.Image]) -> list[Sheet]:
    """Pack tiles into sheets, in their order."""
    sheets, kept = [], list(tiles)
    for begin in range(0, len(kept), PER_SHEET):
        some = kept[begin : begin + PER_SHEET]
        side = some[0].width
        image = Image.new("RGB", (COLUMNS * side, -(-len(some) // COLUMNS) * side), "white")
        for number, tile in enumerate(some):
            image.paste(tile, (number % COLUMNS * side, number // COLUMNS * side))
        body = io.BytesIO()
        image.save(body, "webp", quality=QUALITY)
        sheets.append(Sheet(f"sheet-{begin}", len(some), COLUMNS, body.getvalue()))
    return sheets


def variations(images: Path, count: int, seed: int = 0) -> Explorer:
    """Make an explorer of any number of points, with random parts of real images as pictures.

    The coordinates are random, in one cluster per variety: the pages of real images have the same size.
    """
    random = np.random.default_rng(seed)
    files = sorted(images.rglob("*.jpg"))
    varieties = sorted({file.parent.name for file in files})
    chosen = random.integers(len(files), size=count)
    centres = random.normal(0, 3, (len(varieties), COMPONENTS)) * np.linspace(1, 0.3, COMPONENTS)
    labels = [files[number].parent.name for number in chosen]
    places = np.array([varieties.index(label) for label in labels])
    points = Points(
        keys=[
            f"{label}/{number:06}_{files[file].name}"
            for number, (label, file) in enumerate(zip(labels, chosen, strict=True))
        ],
        labels=list(labels),
        coordinates=(centres[places] + random.normal(0, 0.7, (count, COMPONENTS))).astype(np.float16),
        numbers={
            name: random.uniform(0, 1, count).astype(np.float32) for name in ("brightness", "contrast", "sharpness")
        },
        findings={},
        pictured=np.ones(count, np.bool_),
        tile=SIDE,
        sheets=sheets_of(_part(files[number], random) for number in chosen),
    )
    return Explorer(
        "20260101T000000Z-000000", "2026-01-01T00:00:00Z", count, [0.5 / 2**c for c in range(COMPONENTS)], points
    )


def _part(file: Path, random: np.random.Generator) -> Image.Image:
    """Return a random part of an image, brighter or darker, so that no two tiles are the same."""
    with Image.open(file) as opened:
        side = int(min(opened.size) * random.uniform(0.75, 1))
        left, top = (int(random.integers(length - side + 1)) for length in opened.size)
        part = opened.convert("RGB").resize((SIDE, SIDE), box=(left, top, left + side, top + side))
    return part.point(lambda value: int(value * (0.85 + 0.15 * random.random())))
