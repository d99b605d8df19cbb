"""Checks of the machine: disk and memory against what a run needs."""

import os
import shutil
import tempfile
from pathlib import Path

from cli.doctor.checks import Check, Finding, fail, ok, warn
from contract.worker_memory import IDLE_WORKER, memory_of_image

GB = 1e9

LEAST_GB, ENOUGH_GB = 1, 5
"""Free disk below which a run will hardly end, and above which 500,000 images fit (8 KB each for their features and
what the run sorts)."""

JVM_GB = 2.5
"""Memory of the JVM of a local run: its heap (`spark.driver.memory` of `localspark.session`), and what it takes beside
it."""

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Limit of a container."""


def machine_checks(output: Path) -> list[Check]:
    """Return the checks of disk and memory, for runs with an output in a folder."""
    return [
        Check("disk", lambda: disk(output)),
        Check("temporary", lambda: disk(Path(tempfile.gettempdir()))),
        Check("memory", lambda: memory(available_memory(), os.cpu_count() or 1)),
    ]


def disk(folder: Path) -> Finding:
    """Check the free disk where a folder is, or will be, and that this user may write there."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK):
        return fail(f"{there} is not writable", "Choose another folder, or change its permissions.")
    free = shutil.disk_usage(there).free / GB
    found = f"{free:,.1f} GB free for {folder}"
    if free < LEAST_GB:
        return fail(found, f"Free at least {LEAST_GB} GB, or choose another disk (--output, TMPDIR).")
    if free < ENOUGH_GB:
        return warn(found, f"It suffices for small runs; half a million images need {ENOUGH_GB} GB.")
    return ok(found)


def memory(available: int, cores: int) -> Finding:
    """Compare the memory with what a run on all cores may take, if each worker decodes the largest image at once.

    Parameters
    ----------
    available
        Bytes that a run can get.
    """
    worker = (IDLE_WORKER + memory_of_image()) / GB
    found = f"{available / GB:,.1f} GB available; {cores} cores may take {JVM_GB + cores * worker:,.1f} GB"
    fitting = int((available / GB - JVM_GB) / worker)
    if fitting >= cores:
        return ok(found)
    if fitting < 1:
        return fail(found, f"A run needs {JVM_GB + worker:,.1f} GB: end other programs.")
    return warn(found, f"Run with --master 'local[{fitting}]', or lower --max-megapixels.")


def available_memory() -> int:
    """Return how many bytes of memory programs can get, within the limit of a container."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(total, _free_of_linux() or total, _limit_of_container() or total)


def _free_of_linux() -> int | None:
    try:
        facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None  # another system


def _limit_of_container() -> int | None:
    try:
        return int(CGROUP_LIMIT.read_text())
    except (OSError, ValueError):  # the word "max" means that there is no limit
        return None
