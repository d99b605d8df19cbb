"""The duration of a command, and the peak memory of its processes, on Linux."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def timed(module: str, *arguments: str, python: str | Path = sys.executable) -> tuple[float, dict[str, float]]:
    """Run a module as a program; return its seconds, and the peak memory of its processes (see `_peak_memory`).

    Parameters
    ----------
    python
        Python of the environment in which the module runs.
    """
    start = time.perf_counter()
    process = subprocess.Popen([python, "-m", module, *arguments], stdout=subprocess.DEVNULL)
    with _peak_memory(process.pid) as peaks:
        code = process.wait()
    if code:
        raise SystemExit(f"{module} {' '.join(arguments)} ended with exit code {code}.")
    return time.perf_counter() - start, peaks


@contextmanager
def _peak_memory(root: int) -> Iterator[dict[str, float]]:
    """Watch a process and its descendants; yield role → MB of the largest process, complete at the end of the block.

    The roles are `driver` (the process itself), `jvm`, and `worker` (Spark's Python workers, the export of a model).
    """
    peaks = {"driver": 0.0, "jvm": 0.0, "worker": 0.0}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            for pid, megabytes, name in _tree(root):
                role = "driver" if pid == root else "jvm" if name == "java" else "worker"
                peaks[role] = max(peaks[role], megabytes)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _tree(root: int) -> list[tuple[int, float, str]]:
    """List pid, peak resident memory in MB, and name of a process and its descendants."""
    found: dict[int, tuple[int, float, str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
        except OSError:
            continue  # the process has ended
        fields = dict(re.findall(r"^(Name|PPid|VmHWM):\s+(\S+)", status, re.MULTILINE))
        found[int(folder.name)] = (int(fields["PPid"]), int(fields.get("VmHWM", 0)) / 1000, fields["Name"])
    below = {root}
    while more := {pid for pid, (parent, _, _) in found.items() if parent in below} - below:
        below |= more
    return [(pid, *found[pid][1:]) for pid in below if pid in found]
