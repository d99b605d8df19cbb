"""Many tiny updates of one output: `python -m benchmarks.tiny_updates IMAGES --weights FILE`.

Each update adds four images and replaces one. All updates run in this process, whose JVM is warm, so that the first
updates can be compared with the last. For every tenth of the updates, the program prints the seconds of an update
(median and maximum), the number of files of the tables (maximum), the number of files below ``tables/`` after the last
update, and the size of the largest metadata file.
"""

import argparse
import io
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from benchmarks.update import notify
from contract.runs import Mode
from localspark.session import local_session_conf
from spark_app import pipeline
from spark_app.progress import PlainReporter
from spark_app.session import open_session
from spark_app.settings import RunSettings
from spark_app.tables import Tables

ADDED = 4
REPORTED_PARTS = 10


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="folder of JPEG files; `fruits sample` draws one")
    parser.add_argument("--weights", default="seeded")
    parser.add_argument("--updates", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), arguments.images, arguments.weights, arguments.updates)
    print(f"{'updates':<14}{'seconds':>8}{'most':>7}{'live files':>12}{'on disk':>9}{'metadata kB':>13}")
    size = -(-len(rows) // REPORTED_PARTS)
    for start in range(0, len(rows), size):
        seconds, live, on_disk, metadata = zip(*rows[start : start + size], strict=True)
        name = f"{start + 1} - {start + len(seconds)}"
        median = statistics.median(seconds)
        print(f"{name:<14}{median:8.2f}{max(seconds):7.2f}{max(live):12}{on_disk[-1]:9}{metadata[-1] / 1000:13.0f}")


def measure(folder: Path, images: Path, weights: str, updates: int) -> list[tuple[float, int, int, int]]:
    """Run the updates; return the seconds, the live files, the files on disk and the bytes of metadata of each."""
    corpus = folder / "images", folder / "output"
    corpus[0].mkdir()
    corpus[1].mkdir()
    pictures = cycle(sorted(images.rglob("*.jpg")))
    rows = []
    settings = RunSettings(
        images=corpus[0].as_uri(),
        output=corpus[1].as_uri(),
        mode=Mode.UPDATE,
        weights=weights,
        components=10,
        refit_threshold=0.0,
    )
    with local_session_conf("local[*,3]", folder / "log") as conf:
        for number in range(updates):
            keys = [f"{number % 50}/{number}-{index}.jpg" for index in range(ADDED)] + [
                f"{(number - 7) % 50}/again.jpg"
            ]
            for key, picture in zip(keys, islice(pictures, len(keys)), strict=True):
                (corpus[0] / key).parent.mkdir(exist_ok=True)
                shutil.copyfile(picture, corpus[0] / key)
            notify(corpus, keys)
            seconds = timed(lambda: pipeline.run(settings, PlainReporter(io.StringIO()), conf))
            rows.append((seconds, *_files(settings, conf)))
    return rows


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _files(settings: RunSettings, conf: dict[str, str]) -> tuple[int, int, int]:
    output = Path(settings.output.removeprefix("file://"))
    on_disk = [file for file in (output / "tables").rglob("*") if file.is_file() and not file.name.startswith(".")]
    metadata = max(file.stat().st_size for file in on_disk if file.name.endswith(".metadata.json"))
    with open_session(settings, conf) as spark:
        tables = Tables(spark, settings.catalog.database)
        live = max(table.file_count() for table in tables.iceberg.values())
    return live, len(on_disk), metadata


if __name__ == "__main__":
    main()
