"""Tests of `fruits rehearse`: a whole rehearsal, an interrupted one, and a stack that stays up."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cdk.packaging.package import ROOT
from rehearsal.scope import NOT_REHEARSED_PARTS, UNUSED_PERMISSIONS, reason_for
from rehearsal.stay import STATE_FILE

FRUITS = Path(sys.executable).parent / "fruits"


def _left(endpoint: str, places: Path) -> list[str]:
    """Find what is left of a rehearsal: processes that know its endpoint or folder, its port, scratch folders."""
    port = endpoint.rpartition(":")[2]
    left = [str(folder) for folder in places.iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if endpoint.encode() in known or str(places).encode() in known:
            left.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200])
    listening = f":{int(port):04X} 00000000:0000 0A"
    return left + [f"port {port}" for line in Path("/proc/net/tcp").read_text().splitlines() if listening in line]


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Return a folder for all scratch folders of a rehearsal."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def _start(places: Path, command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [FRUITS, "rehearse", command],
        env=os.environ | {"TMPDIR": str(places), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux shows them")
def test_a_rehearsal_shows_every_step_and_leaves_nothing(places: Path) -> None:
    """A rehearsal prints each step from the deployment to the destruction, and what it did not rehearse."""
    with _start(places, "run") as process:
        told, _ = process.communicate()
    assert process.returncode == 0, told
    steps = (
        "is deployed",
        "47 files",
        "the queue has",
        "takes in",
        "runs the Spark job",
        "SUCCESS",
        "records duration and cost of the run",
        "40 images, 7 refused",
        "would have cost",
        "with a run on folders: 40 images",
        "one is removed",
        "every permission was needed",
        "nothing is left",
    )
    assert [step for step in steps if step not in told] == [], told
    acts = [told.index(act) for act in ("is deployed", "47 files", "40 images, 7 refused", "one is removed", "is left")]
    assert acts == sorted(acts)
    unused = re.findall(r"^ +[\d.]+ s +(\w+Role: \S+): ", told, re.MULTILINE)
    # If the upload takes longer than the batching window, a second execution finds the first one running.
    by_a_second_execution = {"WorkflowRole: dynamodb:GetItem", "WorkflowRole: states:DescribeExecution"}
    named = {permission for permission in UNUSED_PERMISSIONS if not permission.endswith("*")}
    assert named - by_a_second_execution <= set(unused)
    assert all(reason_for(permission) for permission in unused)
    assert all(sentence in told for sentence in NOT_REHEARSED_PARTS.values())
    endpoint = re.search(r"http://127[\d.:]+", told)
    assert endpoint
    assert _left(endpoint[0], places) == []
    assert "</html>" in (ROOT / "build/rehearsal-report.html").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux shows them")
def test_a_rehearsal_that_is_interrupted_leaves_nothing(places: Path) -> None:
    """After Ctrl-C while its Spark job runs, no process, port or folder is left, and the last line says so."""
    with _start(places, "run") as process:
        assert process.stdout
        told = ""
        while "RUNNING" not in told:
            line = process.stdout.readline()
            assert line, told
            told += line
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert rest.strip().splitlines()[-1] == "fruits: Interrupted. Nothing is left behind."
    endpoint = re.search(r"http://127[\d.:]+", told)
    assert endpoint
    deadline = time.monotonic() + 10  # the system takes a moment to end killed processes
    while (left := _left(endpoint[0], places)) and time.monotonic() < deadline:
        pass
    assert left == []


@pytest.mark.skipif(STATE_FILE.exists(), reason="a rehearsal is up in this working copy")
def test_a_stack_may_stay_up_for_experiments(places: Path) -> None:
    """The commands for the cloud work on the stack, a second one is refused, and `down` destroys everything."""
    with _start(places, "up") as process:
        told, _ = process.communicate()
    assert process.returncode == 0, told
    endpoint = re.search(r"http://127[\d.:]+", told)
    assert endpoint
    try:
        again = subprocess.run([FRUITS, "rehearse", "up"], capture_output=True, text=True, check=False)
        assert again.returncode == 2
        assert "is up at" in again.stderr
        variables = dict(re.findall(r"export (\w+)=(\S+)", told))
        status = subprocess.run(
            [FRUITS, "status", "--env", "dev", "--endpoint-url", endpoint[0]],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert status.returncode == 0, status.stderr
        own = subprocess.run([FRUITS, "rehearse", "status"], capture_output=True, text=True, check=True).stdout
        assert f"is up at {endpoint[0]}" in own
        assert "There is no report yet" in own
    finally:
        down = subprocess.run(
            [FRUITS, "rehearse", "down"],
            env=os.environ | {"TMPDIR": str(places)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert down.returncode == 0, down.stderr
    assert "nothing is left" in down.stdout
    assert _left(endpoint[0], places) == []
    for command in ("down", "status"):
        none = subprocess.run([FRUITS, "rehearse", command], capture_output=True, text=True, check=False)
        assert (none.returncode, none.stderr) == (
            2,
            "fruits: No rehearsal is up: `fruits rehearse up` deploys one.\n",
        )
