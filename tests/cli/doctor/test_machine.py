"""Tests of the checks of disk and memory."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from cli.doctor.checks import Status
from cli.doctor.machine import JVM_GB, available_memory, disk, memory
from contract.worker_memory import IDLE_WORKER, memory_of_image

Usage = namedtuple("Usage", ("total", "used", "free"))
WORKER = IDLE_WORKER + memory_of_image()


@pytest.mark.parametrize(("free", "status"), [(0.5, Status.FAIL), (3, Status.WARN), (80, Status.OK)])
def test_free_disk(free: float, status: Status, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that does not exist yet is on the disk of the nearest one that does."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, int(free * 1e9)))
    finding = disk(tmp_path / "not/yet")
    assert finding.status is status
    assert finding.found == f"{free:,.1f} GB free for {tmp_path / 'not/yet'}"


@pytest.mark.parametrize(
    ("workers", "status", "advice"),
    [
        (4, Status.OK, ""),
        (3, Status.WARN, "Run with --master 'local[3]', or lower --max-megapixels."),
        (0, Status.FAIL, f"A run needs {JVM_GB + WORKER / 1e9:,.1f} GB: end other programs."),
    ],
)
def test_memory_for_the_workers_of_all_cores(workers: int, status: Status, advice: str) -> None:
    """A machine of four cores with memory for fewer workers is told how many cores to use."""
    finding = memory(int(JVM_GB * 1e9) + workers * WORKER + 1_000_000, cores=4)
    assert (finding.status, finding.advice) == (status, advice)


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may have less memory than its machine; without a limit, its file says `max`."""
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("cli.doctor.machine.CGROUP_LIMIT", limit)
    limit.write_text("max\n")
    free = available_memory()
    limit.write_text("1000000\n")
    assert available_memory() == 1_000_000 < free
