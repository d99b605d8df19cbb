"""Pages of the explorer for benchmarks and documentation: of a run, or of any number of variations of its images."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
from PIL import Image, ImageStat

from contract.layout import ResultFile
from contract.summary import Latest, Summary
from spark_app.engine.thumbnail import SIDE
from spark_app.explorer.data import Explorer, Places, Points, Sheet

PER_SHEET = 64
COLUMNS = 8
QUALITY = 60
COMPONENTS = 16


def explorer_of_run(images: Path, output: Path) -> Explorer:
    """Make an explorer of all images of the last run of an output folder.

    Parameters
    ----------
    images
        Folder of the images.
    output
        Folder of the output, whose matrix is one file.
    """
    latest = Latest.from_json((output / "results/latest.json").read_bytes())
    results = output / latest.results
    matrix = pa_csv.read_csv(results / ResultFile.MATRIX)
    ratios = pa_csv.read_csv(results / ResultFile.EXPLAINED_VARIANCE)["ratio"].to_pylist()[:COMPONENTS]
    keys = matrix["key"].to_pylist()
    components = [name for name in matrix.column_names if name.startswith("pc_")][:COMPONENTS]
    pictures = [Image.open(images / key).convert("RGB") for key in keys]
    points = Points(
        keys=keys,
        labels=[label or None for label in matrix["label"].to_pylist()],
        coordinates=np.stack([matrix[name].to_numpy() for name in components], axis=1).astype(np.float16),
        numbers=_numbers_of(pictures),
        findings=_findings_of(pa_csv.read_csv(results / ResultFile.FINDINGS), keys),
        pictured=np.ones(len(keys), np.bool_),
        tile=SIDE,
        sheets=sheets_of(picture.resize((SIDE, SIDE)) for picture in pictures),
    )
    summary = Summary.from_json((results / ResultFile.SUMMARY).read_bytes())
    return Explorer(summary.run_id, summary.finished_at, len(keys), ratios, points)


def _findings_of(findings: pa.Table, keys: list[str]) -> dict[str, Places]:
    places = {key: number for number, key in enumerate(keys)}
    found: dict[str, set[int]] = {}
    for kind, key in zip(findings["kind"].to_pylist(), findings["key"].to_pylist(), strict=True):
        found.setdefault(kind, set()).add(places[key])
    return {kind: np.array(sorted(numbers), np.int32) for kind, numbers in found.items()}


def _numbers_of(pictures: Sequence[Image.Image]) -> dict[str, npt.NDArray[np.float32]]:
    statistics = [ImageStat.Stat(picture.convert("L")) for picture in pictures]
    columns = {
        "width": [picture.width for picture in pictures],
        "height": [picture.height for picture in pictures],
        "brightness": [found.mean[0] / 255 for found in statistics],
        "contrast": [found.stddev[0] / 255 for found in statistics],
    }
    return {name: np.array(values, np.float32) for name, values in columns.items()}


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
