"""The `fruits` command, counting what it reads: `python -m benchmarks.counted FILE run --images ...`.

FILE takes a JSON document: the bytes that Spark and Iceberg read of files (Hadoop's own statistics), and those that
the driver reads of objects. What the tasks fetch is not in it: the images, whose sizes are known.
"""

import json
import sys
from pathlib import Path

from pyspark import SparkContext

from cli.main import main
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


def read_by_spark() -> int:
    """Ask the JVM, which outlives the session, for the bytes that it has read of files."""
    gateway = SparkContext._gateway  # noqa: SLF001 -- PySpark has no other way to Hadoop
    file_systems = gateway.jvm.org.apache.hadoop.fs.FileSystem.getAllStatistics() if gateway else []
    return sum(int(statistics.getBytesRead()) for statistics in file_systems)


if __name__ == "__main__":
    fetched = count_fetched()
    code = main(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps({"spark": read_by_spark(), "driver": sum(fetched)}))
    sys.exit(code)
