"""Explorers of any number of points for benchmarks, with pictures of real images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from spark_app.engine.strips import SIZE
from spark_app.engine.thumbnail import SIDE, thumbnail
from spark_app.explorer.data import Explorer, Points, Sheet
from spark_app.explorer.page import room_for_sheets
from spark_app.explorer.sample import choose_sample
from spark_app.explorer.sheets import pack

COMPONENTS = 16


def variations(images: Path, count: int, seed: int = 0) -> Explorer:
    """Make an explorer of any number of images, with random parts of real images as pictures, packed as in a run.

    The coordinates are random, in one cluster per variety: the pages of real images have the same size.
    """
    random = np.random.default_rng(seed)
    files = sorted(images.rglob("*.jpg"))
    chosen = {}
    for number, place in enumerate(random.integers(len(files), size=count)):
        file = files[place]
        chosen[f"{file.parent.name}/{number:06}_{file.name}"] = file
    keys = sorted(chosen)
    sample = choose_sample(keys)
    shown = [keys[image] for image in sample.images]
    points = _points(shown, [Sheet("", part.stop - part.start, 1, b"") for part in sample.ranges], random)
    pictures = [thumbnail(_part(chosen[key], random)) for key in shown]
    ids = np.arange(len(shown), dtype=np.uint64)
    room = room_for_sheets(points)
    packed = pack(ids, sample.ranges, lambda numbers: [pictures[number] for number in numbers], {}, room)
    if packed is None:
        raise ValueError(f"a page has no room for {len(shown):,} pictures")
    points = replace(points, pictured=packed.pictured, tile=packed.format.tile, sheets=packed.sheets)
    ratios = [0.5 / 2**c for c in range(COMPONENTS)]
    return Explorer("20260101T000000Z-000000", "2026-01-01T00:00:00Z", count, ratios, points)


def _points(keys: list[str], sheets: list[Sheet], random: np.random.Generator) -> Points:
    """Draw points without pictures."""
    n, labels = len(keys), [key.partition("/")[0] for key in keys]
    names, places = np.unique(labels, return_inverse=True)
    centres = random.normal(0, 3, (len(names), COMPONENTS)) * np.linspace(1, 0.3, COMPONENTS)
    return Points(
        keys=keys,
        labels=list(labels),
        coordinates=(centres[places] + random.normal(0, 0.7, (n, COMPONENTS))).astype(np.float16),
        numbers={name: random.uniform(0, 1, n).astype(np.float32) for name in ("brightness", "contrast", "sharpness")},
        findings={},
        pictured=np.zeros(n, np.bool_),
        tile=SIDE,
        sheets=sheets,
    )


def _part(file: Path, random: np.random.Generator) -> np.ndarray:
    """Return the pixels of a random part of an image, brighter or darker, so that no two pictures are the same."""
    with Image.open(file) as opened:
        side = int(min(opened.size) * random.uniform(0.75, 1))
        left, top = (int(random.integers(length - side + 1)) for length in opened.size)
        part = opened.convert("RGB").resize((SIZE, SIZE), box=(left, top, left + side, top + side))
    return np.asarray(part.point(lambda value: int(value * (0.85 + 0.15 * random.random()))))
