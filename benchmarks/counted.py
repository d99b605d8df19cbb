"""The `fruits` command with a count of what it reads: `python -m benchmarks.counted FILE run --images ...`.

The program writes a JSON document to FILE: the bytes that the JVM has read in its sessions, after their start, and the
bytes of objects that the driver has read. Linux counts the former, because Hadoop's own statistics omit the vectored
reads of Parquet files. The document omits what the tasks fetch: the images, whose sizes are known.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from spark_app import session
from spark_app.settings import RunSettings
from spark_app.storage import FetchedObject, Storage


def count_fetched() -> list[int]:
    """Make every fetch of this process append the size of the object, or of its part, to the returned list."""
    sizes: list[int] = []
    fetch, read_range = Storage.fetch, Storage.read_range

    def counted(self: Storage, key: str, max_bytes: float = float("inf")) -> FetchedObject | None:
        found = fetch(self, key, max_bytes)
        sizes.append(len(found.body) if found else 0)
        return found

    def range_counted(self: Storage, key: str, start: int, length: int) -> bytes:
        sizes.append(length)
        return read_range(self, key, start, length)

    Storage.fetch = counted  # type: ignore[method-assign]  # this module measures
    Storage.read_range = range_counted  # type: ignore[method-assign]  # this module measures
    return sizes


def read_by(pid: int) -> int:
    """Return the bytes that a process has read so far, from files and from its Python workers."""
    counters = Path(f"/proc/{pid}/io").read_text()
    return int(dict(line.split(": ") for line in counters.splitlines())["rchar"])


def count_in_sessions() -> list[int]:
    """Make every session append what its JVM reads in it to the returned list.

    What the JVM reads before, mostly the classes of Spark, does not count.
    """
    noted: list[int] = []
    open_session = session.open_session

    @contextmanager
    def counted(settings: RunSettings, extra: Mapping[str, str]) -> Iterator[SparkSession]:
        with open_session(settings, extra) as opened:
            pid = int(opened._jvm.java.lang.ProcessHandle.current().pid())  # type: ignore[union-attr]  # noqa: SLF001 -- PySpark offers no other access to its JVM
            before = read_by(pid)
            yield opened
            noted.append(read_by(pid) - before)

    session.open_session = counted
    return noted


if __name__ == "__main__":
    fetched, read = count_fetched(), count_in_sessions()
    from cli.main import main  # here, because its modules import the functions that this one replaces

    code = main(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps({"spark": sum(read), "driver": sum(fetched)}))
    sys.exit(code)
