"""The `fruits` command with a count of what it reads: `python -m benchmarks.counted FILE run --images ...`.

The program writes a JSON document to FILE: the bytes that the JVM has read since its session started, and the bytes of
objects that the driver has read. Linux counts the former, because Hadoop's own statistics omit the vectored reads of
Parquet files. The document omits what the tasks fetch: the images, whose sizes are known.
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
    """Make every fetch of this process append the size of the object to the returned list."""
    sizes: list[int] = []
    fetch = Storage.fetch

    def counted(self: Storage, key: str, max_bytes: float = float("inf")) -> FetchedObject | None:
        found = fetch(self, key, max_bytes)
        sizes.append(len(found.body) if found else 0)
        return found

    Storage.fetch = counted  # type: ignore[method-assign]  # this module measures
    return sizes


def read_by_jvm() -> int:
    """Return the bytes that the JVM has read so far, from files and from its Python workers."""
    gateway = SparkContext._gateway  # noqa: SLF001 -- PySpark offers no other access to its JVM
    if gateway is None:
        return 0
    counters = Path(f"/proc/{gateway.proc.pid}/io").read_text()
    return int(dict(line.split(": ") for line in counters.splitlines())["rchar"])


def count_before_session() -> list[int]:
    """Make every session append what the JVM has read before it, mostly the classes of Spark, to the returned list."""
    noted: list[int] = []
    open_session = pipeline.open_session  # type: ignore[attr-defined]  # this module measures

    @contextmanager
    def counted(settings: RunSettings, extra: Mapping[str, str]) -> Iterator[SparkSession]:
        with open_session(settings, extra) as session:
            noted.append(read_by_jvm())
            yield session

    pipeline.open_session = counted  # type: ignore[attr-defined]  # this module measures
    return noted


if __name__ == "__main__":
    fetched, before = count_fetched(), count_before_session()
    code = main(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps({"spark": read_by_jvm() - sum(before), "driver": sum(fetched)}))
    sys.exit(code)
