"""Many tiny updates of one output: `python -m benchmarks.tiny_updates IMAGES --weights FILE`.

Each update adds four images and replaces one. All updates run in this process, whose JVM is warm, so that the first
updates can be compared with the last. For every tenth of the updates, the program prints the seconds of an update
(median and maximum), the number of files of the largest table (maximum), the number of files below ``tables/`` after
the last update, and the size of the largest metadata file.
"""

import io
import statistics
import tempfile
import time
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from benchmarks.corpus import Corpus, argument_parser
from contract.runs import Mode
from localspark.session import local_session_conf
from spark_app import pipeline
from spark_app.numerics.components import ComponentCount
from spark_app.progress import PlainReporter
from spark_app.session import open_session
from spark_app.settings import RunSettings
from spark_app.tables import Tables

ADDED = 4
REPORTED_PARTS = 10


class Update(NamedTuple):
    """An update, the files of the largest table and all files after it, and the size of the largest metadata file."""

    seconds: float
    live_files: int
    files_on_disk: int
    metadata_bytes: int


def main() -> None:
    """Measure, and print a table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--updates", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = run_updates(Path(folder), arguments.images, arguments.weights, arguments.updates)
    print(f"{'updates':<14}{'seconds':>8}{'most':>7}{'live files':>12}{'on disk':>9}{'metadata kB':>13}")
    size = -(-len(rows) // REPORTED_PARTS)
    for start in range(0, len(rows), size):
        seconds, live, on_disk, metadata = zip(*rows[start : start + size], strict=True)
        name = f"{start + 1} - {start + len(seconds)}"
        median = statistics.median(seconds)
        print(f"{name:<14}{median:8.2f}{max(seconds):7.2f}{max(live):12}{on_disk[-1]:9}{metadata[-1] / 1000:13.0f}")


def run_updates(folder: Path, images: Path, weights: str, updates: int) -> list[Update]:
    """Run the updates."""
    corpus = Corpus.below(folder)
    pictures = cycle(sorted(images.rglob("*.jpg")))
    settings = RunSettings(
        images=corpus.images.as_uri(),
        output=corpus.output.as_uri(),
        mode=Mode.UPDATE,
        weights=weights,
        components=ComponentCount(10),
        refit_threshold=0.0,
    )
    measured = []
    with local_session_conf("local[*,3]", folder / "log") as conf:
        for number in range(updates):
            new = [f"{number % 50}/{number}-{index}.jpg" for index in range(ADDED)]
            corpus.put([*new, f"{(number - 7) % 50}/again.jpg"], pictures)
            start = time.perf_counter()
            pipeline.run(settings, PlainReporter(io.StringIO()), conf)
            measured.append(Update(time.perf_counter() - start, *_files(settings, conf)))
    return measured


def _files(settings: RunSettings, conf: dict[str, str]) -> tuple[int, int, int]:
    """Return the fields of `Update` after the first one."""
    output = Path(settings.output.removeprefix("file://"))
    on_disk = [file for file in (output / "tables").rglob("*") if file.is_file() and not file.name.startswith(".")]
    metadata = max(file.stat().st_size for file in on_disk if file.name.endswith(".metadata.json"))
    with open_session(settings, conf) as spark:
        tables = Tables(spark, settings.catalog.database)
        live = max(table.file_count() for table in tables.iceberg.values())
    return live, len(on_disk), metadata


if __name__ == "__main__":
    main()
