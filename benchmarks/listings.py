"""Listings of many images of which one has changed: `python -m benchmarks.listings`.

The images are hard links to a few files, so that a million of them takes little space. The rows of the tables are
synthetic, with features of one value, because the comparison reads no features. Each size is measured twice:

- *nothing new*: the listing and its digest alone, after which a run without changes ends;
- *one image differs*: the listing, and the comparison with the tables in Spark.
"""

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measurement import Comparison, Figure, Section, Setting, Size
from benchmarks.memory import timed
from benchmarks.reconciliation import MODEL
from contract.tables import Table
from localspark.session import local_session_conf
from spark_app.session import open_session
from spark_app.settings import RunSettings
from spark_app.stages.outcomes import OUTCOMES
from spark_app.storage import Storage
from spark_app.tables import ADDED_COLUMNS, RowChanges, Tables

SIZES = {Size.SMALL: (5_000, 20_000), Size.FULL: (100_000, 300_000, 1_000_000)}
PER_FOLDER = 1_000
LINKS = 30_000
"""Links to one file; file systems allow 65,000."""

NOTHING_NEW, ONE_DIFFERS = "nothing new", "one image differs"
STEPS = {NOTHING_NEW: ("list",), ONE_DIFFERS: ("list", "plan")}

LINEAR = 1.2
"""Growth of the time per image that still counts as linear."""

FLAT = 100
"""Additional bytes per image in the memory of a process that still count as nothing collected: less than its name."""


def measure(setting: Setting) -> Section:
    """Measure all sizes, with the same folder of images, which grows."""
    figures: dict[tuple[str, str], list[float]] = {}
    picture = min(setting.images.rglob("*.jpg"))
    images, output = setting.scratch / "images", setting.scratch / "output"
    output.mkdir()
    sizes, before = SIZES[setting.size], 0
    for size in sizes:
        link_images(images, picture, before, size)
        write_rows(images, output, setting.scratch, before, size)
        before = size
        for _ in range(setting.rounds):
            for kind in STEPS:
                _note(figures, f"{size:,} images, {kind}", kind, images, output, setting.scratch / "answer.json")
    comparisons = [ratio for kind in STEPS for ratio in _growth(figures, kind, sizes[0], sizes[-1])]
    if setting.size is Size.SMALL:  # the targets are those of the full size; in small sizes, starts and batches decide
        comparisons = [Comparison(one.name, one.ratios) for one in comparisons]
    rows = (Figure(name, unit, tuple(values)) for (name, unit), values in figures.items())
    return Section("Large listings", tuple(rows), tuple(comparisons))


def link_images(images: Path, picture: Path, start: int, end: int) -> None:
    """Make the images of the given numbers, as links to copies of a picture."""
    body = picture.read_bytes()
    source = images
    for number in range(start, end):
        path = images / key_of(number)
        if number % PER_FOLDER == 0:
            path.parent.mkdir(parents=True)
        if number % LINKS == 0 or number == start:
            source = path
            source.write_bytes(body)
        else:
            os.link(source, path)


def key_of(number: int) -> str:
    """Return the key of an image."""
    return f"{number // PER_FOLDER:05}/{number:07}.jpg"


def write_rows(images: Path, output: Path, folder: Path, start: int, end: int) -> None:
    """Write a row of `features` for each image of the given numbers. That of the first image has another etag."""
    file = folder / "rows.parquet"
    with pq.ParquetWriter(file, SCHEMA) as writer:
        for table in _rows(Storage(images.as_uri()), start, end):
            writer.write_table(table)
    settings = RunSettings(images=images.as_uri(), output=output.as_uri())
    with local_session_conf("local[*]", folder / "log") as conf, open_session(settings, conf) as spark:
        tables = Tables(spark, settings.catalog.database)
        if start == 0:
            tables.create()
        tables.commit(Table.FEATURES, RowChanges(spark.read.parquet(str(file)), "true", end - start, 0, []))
    file.unlink()


MEASURES = tuple(ADDED_COLUMNS[Table.FEATURES])
"""Columns that the comparison does not read."""

SCHEMA = pa.schema(
    [field for field in OUTCOMES if field.name in {"key", "etag", "label", "width", "height", "model_id", "features"}]
    + [OUTCOMES.field("run_id"), OUTCOMES.field("processed_at")]
    + [OUTCOMES.field(name) for name in MEASURES]
)


def _rows(images: Storage, start: int, end: int) -> Iterator[pa.Table]:
    for first in range(start, end, PER_FOLDER):
        folder = key_of(first).partition("/")[0]
        for batch in images.list_objects(folder):
            n = batch.num_rows
            etags = batch["etag"].to_pylist()
            if first == 0:
                etags[0] = "earlier"
            columns = {
                "key": batch["key"],
                "etag": etags,
                "label": [folder] * n,
                "width": [100] * n,
                "height": [100] * n,
                "model_id": [MODEL] * n,
                "features": [[0.0]] * n,
                "run_id": ["synthetic"] * n,
                "processed_at": [datetime.now(UTC)] * n,
                **{name: [None] * n for name in MEASURES},
            }
            yield pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def _note(
    figures: dict[tuple[str, str], list[float]], name: str, kind: str, images: Path, output: Path, file: Path
) -> None:
    """Measure one kind once, and check that it has found the image that differs."""
    options = ["--only-list"] if kind == NOTHING_NEW else []
    seconds, peaks = timed("benchmarks.reconciliation", str(images), str(output), str(file), *options)
    answer = json.loads(file.read_text())
    if kind == ONE_DIFFERS and (answer["featurise"], answer["remove"]) != (1, 0):
        raise ValueError(f"the comparison has found {answer}, and not one image that differs")
    for step in STEPS[kind]:
        figures.setdefault((f"{name}: {step}", "s"), []).append(answer[step])
    figures.setdefault((f"{name}: whole program", "s"), []).append(seconds)
    for role in ("driver", "jvm") if kind == ONE_DIFFERS else ("driver",):
        figures.setdefault((f"{name}: peak memory of the {role}", "MB"), []).append(peaks[role])
    print(f"{name}: {seconds:.1f} s", file=sys.stderr)


def _growth(figures: dict[tuple[str, str], list[float]], kind: str, small: int, large: int) -> Iterator[Comparison]:
    """Compare the largest with the smallest listing: the seconds per image, and the memory per additional image."""

    def values(size: int, what: str, unit: str) -> list[float]:
        return figures[f"{size:,} images, {kind}: {what}", unit]

    title = f"{small:,} to {large:,} images, {kind}: "
    for step in STEPS[kind]:
        pairs = zip(values(small, step, "s"), values(large, step, "s"), strict=True)
        ratios = tuple(most / least / (large / small) for least, most in pairs)
        yield Comparison(f"{title}growth of the seconds per image, {step}", ratios, at_most=LINEAR)
    pairs = zip(*(values(size, "peak memory of the driver", "MB") for size in (small, large)), strict=True)
    more = tuple((most - least) * 1e6 / (large - small) for least, most in pairs)
    yield Comparison(f"{title}bytes of the driver per additional image", more, at_most=FLAT)


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["--only", "listings", *sys.argv[1:]]))
