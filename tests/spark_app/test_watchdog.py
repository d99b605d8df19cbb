"""Tests of the watchdog: a run in which nothing ends is ended, and a run that goes on is not."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from spark_app.errors import FruitsError, NoProgressError
from spark_app.progress import PlainReporter, StepClock
from spark_app.pulse import PULSE
from spark_app.storage import Storage
from spark_app.watchdog import completed_tasks, ending_without_progress

ROOT = Path(__file__).parents[2]


def _unexpected(error: FruitsError) -> None:
    raise AssertionError(error)


def _hang(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    time.sleep(3600)
    yield from batches


def _wait_for_a_file(batches: Iterator[pa.RecordBatch], folder: Path) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        while not (folder / str(batch["id"][0].as_py())).exists():
            time.sleep(0.02)
        yield batch


def test_a_task_that_hangs_ends_the_run(spark: SparkSession) -> None:
    """The run fails with a sentence and exit code 1, and its jobs are cancelled, although the driver waits for them."""
    with pytest.raises(NoProgressError, match="no task of Spark") as ended, ending_without_progress(2.0, _unexpected):
        spark.range(1).mapInArrow(_hang, "id long").collect()
    assert ended.value.exit_code == 1
    tracker = spark.sparkContext.statusTracker()
    while tracker.getActiveJobsIds():
        threading.Event().wait(0.05)


def test_a_wait_that_nobody_ends_ends_the_run() -> None:
    """A main thread that waits for anything else is interrupted, and steps that catch all exceptions do not hide it."""

    def wait() -> None:
        try:
            signal.pause()
        except Exception:  # noqa: BLE001 -- as steps that repair tables do
            pytest.fail("the interruption was taken for a failure")

    with pytest.raises(NoProgressError), ending_without_progress(0.2, _unexpected, grace=6.0):
        wait()


def test_a_request_to_the_storage_and_a_step_that_end_are_progress(tmp_path: Path) -> None:
    """The listing of millions of images, or many files on the driver, take long without a task of Spark."""
    root = Storage(tmp_path.as_uri())
    clock = StepClock(PlainReporter(io.StringIO()), {})
    requests: list[Callable[[], object]] = [
        lambda: root.write("a", b"1"),
        lambda: root.read("a"),
        lambda: root.find("a"),
        lambda: list(root.list_objects()),
        lambda: root.delete(["a"]),
        lambda: clock.step("list").__enter__(),
    ]
    for request in requests:
        before = PULSE.beats
        request()
        assert PULSE.beats > before


def test_a_task_that_ends_is_progress(spark: SparkSession, tmp_path: Path) -> None:
    """Each task that ends changes the signs of Spark, while the job goes on."""
    signs = [completed_tasks()]
    one_by_one = partial(_wait_for_a_file, folder=tmp_path)
    job = threading.Thread(target=lambda: spark.range(0, 3, 1, 3).mapInArrow(one_by_one, "id long").collect())
    job.start()
    for number in range(3):
        while completed_tasks() == signs[-1]:
            threading.Event().wait(0.02)
        signs.append(completed_tasks())
        (tmp_path / str(number)).touch()
    job.join()
    assert len(set(map(str, signs))) == 4


def test_no_limit_is_no_watch() -> None:
    """With 0, no thread watches, and the signal of the watchdog is left alone."""
    before = threading.active_count(), signal.getsignal(signal.SIGUSR1)
    with ending_without_progress(0, _unexpected):
        assert (threading.active_count(), signal.getsignal(signal.SIGUSR1)) == before


def test_the_signal_is_restored_after_a_watch() -> None:
    """A watch leaves no handler and no thread behind, whether the body succeeds or fails."""
    before = threading.active_count(), signal.getsignal(signal.SIGUSR1)
    with ending_without_progress(60, _unexpected):
        PULSE.beat()
    with pytest.raises(ZeroDivisionError), ending_without_progress(60, _unexpected):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGUSR1) == before[1]


HANGING = """
import signal, sys, time
from spark_app.watchdog import completed_tasks, ending_without_progress
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # as a library that does not return to Python
with ending_without_progress(0.2, lambda error: print(error, file=sys.stderr, flush=True), grace=0.2):
    time.sleep(3600)
"""


def test_a_process_that_can_not_be_interrupted_ends() -> None:
    """A main thread that hangs in a library does not keep the process alive: the last words are said, and it exits."""
    answer = subprocess.run(
        [sys.executable, "-c", HANGING],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr.count("\n")) == (1, 1)
    assert "the run hangs" in answer.stderr
