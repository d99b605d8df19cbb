"""Processes that leave nothing behind: each has a process group of its own, and ends with its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

GRACE_SECONDS = 5
"""Time between SIGTERM and SIGKILL."""

Output = int | IO[bytes]

# On request, Linux kills a process when its parent, or the thread that started it, ends in any way.
_DIE_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])"


def start(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], stdout: Output, stderr: Output
) -> subprocess.Popen[bytes]:
    """Start a process without standard input, in a process group and session of its own."""
    guard = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT] if sys.platform == "linux" else []
    return subprocess.Popen(
        [*guard, *command],
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def peak_megabytes(process: subprocess.Popen[bytes]) -> int:
    """Return the most memory that a process has had so far; 0 if it has ended, or on a system other than Linux."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(peak.split()[1]) // 1024


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process with everything that it has started: SIGTERM first, SIGKILL after a while."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    sweep(process)


def sweep(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group of a process, and the members of its session that have left the group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for member in _session(process.pid):
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    process.wait()


def _session(leader: int) -> Iterator[int]:
    """List the processes of a session, if the system has /proc: Spark's Python daemons have groups of their own."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[3]) == leader:
                yield int(stat.parent.name)
