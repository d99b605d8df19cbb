"""The `fruits` command, counting what it reads: `python -m benchmarks.counted FILE run --images ...`.

FILE takes a JSON document: the bytes that the JVM has read since its session started (Linux counts them; Hadoop's own
statistics leave out the vectored reads of Parquet files), and those that the driver reads of objects. What the tasks
fetch is not in it: the images, whose sizes are known.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pyspark import SparkContext
from pyspark.sql import SparkSession

from cli.main import main
from spark_app import pipeline
from spark_app.settings import RunSettings
from spark_app.storage import FetchedObject, Storage


def count_fetched() -> list[int]:
    """Make every fetch of this process add the size of the object to a list."""
    sizes: list[int] = []
    fetch = Storage.fetch

    def counted(self: Storage, key: str, max_bytes: float = float("inf")) -> FetchedObject | None:
        found = fetch(self, key, max_bytes)
        sizes.append(len(found.body) if found else 0)
        return found

    Storage.fetch = counted  # type: ignore[method-assign]  # to measure is the purpose of this module
    return sizes


def read_by_jvm() -> int:
    """Ask Linux for the bytes that the JVM has read so far, of files and from its Python workers."""
    gateway = SparkContext._gateway  # noqa: SLF001 -- PySpark has no other way to its JVM
    if gateway is None:
        return 0
    counters = Path(f"/proc/{gateway.proc.pid}/io").read_text()
    return int(dict(line.split(": ") for line in counters.splitlines())["rchar"])


def count_before_session() -> list[int]:
    """Make every session note in a list what the JVM has read before: the classes of Spark, mostly."""
    noted: list[int] = []
    open_session = pipeline.open_session  # type: ignore[attr-defined]  # to measure is the purpose of this module

    @contextmanager
    def counted(settings: RunSettings, extra: Mapping[str, str]) -> Iterator[SparkSession]:
        with open_session(settings, extra) as session:
            noted.append(read_by_jvm())
            yield session

    pipeline.open_session = counted  # type: ignore[attr-defined]  # as above
    return noted


if __name__ == "__main__":
    fetched, before = count_fetched(), count_before_session()
    code = main(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps({"spark": read_by_jvm() - sum(before), "driver": sum(fetched)}))
    sys.exit(code)
