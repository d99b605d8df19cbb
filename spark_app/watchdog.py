"""The watchdog: it ends a run in which nothing has ended for too long, so that a job that hangs costs little."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from spark_app.errors import FruitsError, NoProgressError
from spark_app.pulse import PULSE

if TYPE_CHECKING:
    from pyspark import SparkContext

SIGNAL = signal.SIGUSR1
"""Signal that interrupts the main thread, also while it waits for an answer of the JVM."""

GRACE = 60.0
"""Seconds in which an interrupted run may tidy up. Then its process ends at once."""


class _Interruption(BaseException):
    """Interrupts the run. No step takes it for a failure of Spark that it could repair."""


class Watchdog:
    """Compares signs of progress: the pulse of this process, and the tasks that Spark has completed.

    Parameters
    ----------
    seconds
        Time without progress after which the run ends.
    grace
        Seconds in which the interrupted run may tidy up.
    """

    def __init__(self, seconds: float, grace: float = GRACE) -> None:
        self._seconds, self._grace = seconds, grace
        self._pause = min(10.0, seconds / 4)
        self._done = threading.Event()
        self._tasks: object = None
        self.error: NoProgressError | None = None
        """Why the run was ended; `None` if it was not."""

    def watch(self, at_last: Callable[[FruitsError], None]) -> None:
        """Watch until `stop` is called.

        If nothing ends, this cancels the jobs of Spark, then interrupts the main thread, and at last ends the process.
        """
        threading.Thread(target=self._look_at_spark, name="spark-progress", daemon=True).start()
        seen, since = self._signs(), time.monotonic()
        while not self._done.wait(self._pause):
            if (signs := self._signs()) != seen:
                seen, since = signs, time.monotonic()
            elif time.monotonic() - since >= self._seconds:
                break
        if self.is_over:
            return
        self.error = _no_progress(self._seconds)
        threading.Thread(target=_cancel_jobs, name="cancellation", daemon=True).start()
        # An answer of the JVM ends the call of the main thread in order. An interruption leaves the connection useless.
        if self._done.wait(self._grace / 6):
            return
        signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)
        if not self._done.wait(self._grace):
            at_last(self.error)
            os._exit(self.error.exit_code)  # a thread that hangs in a library would keep the process alive

    def stop(self) -> None:
        """End the watch."""
        self._done.set()

    @property
    def is_over(self) -> bool:
        """Whether the watch has ended."""
        return self._done.is_set()

    def _signs(self) -> object:
        return PULSE.beats, self._tasks

    def _look_at_spark(self) -> None:
        """Look at the tasks in a thread of its own, because the JVM may hang."""
        while not self._done.wait(self._pause):
            with suppress(Exception):  # the JVM may have ended, which the run itself finds out
                self._tasks = completed_tasks()


def completed_tasks() -> object:
    """Return a value that differs when a task, a stage or a job has ended or begun."""
    context = _active_context()
    if context is None:
        return None
    tracker = context.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in sorted(tracker.getActiveStageIds())]
    tasks = tuple((stage.stageId, stage.numCompletedTasks) for stage in stages if stage)
    return tasks, tuple(sorted(tracker.getActiveJobsIds()))


def _active_context() -> "SparkContext | None":
    if "pyspark" not in sys.modules:
        return None  # a run that finds nothing new does not load Spark
    from pyspark import SparkContext

    return SparkContext._active_spark_context  # noqa: SLF001 -- PySpark has no public name for it


def _cancel_jobs() -> None:
    context = _active_context()
    with suppress(Exception):  # the run ends in any case
        if context is not None:
            context.cancelAllJobs()


def _no_progress(seconds: float) -> NoProgressError:
    return NoProgressError(
        f"For {seconds / 60:g} minutes, no task of Spark, no request to the storage and no step of the run has ended: "
        "the run hangs, and has ended itself. The last complete results are valid; another attempt may succeed."
    )


@contextmanager
def ending_without_progress(
    seconds: float, at_last: Callable[[FruitsError], None], grace: float = GRACE
) -> Iterator[None]:
    """End the body if nothing ends in it for some time. It must run in the main thread.

    Parameters
    ----------
    seconds
        Time without progress; 0 for no watch.
    at_last
        Called from another thread if the interrupted body does not end. The process then exits.
    grace
        Seconds after which `at_last` is called.

    Raises
    ------
    NoProgressError
        If the body was ended.
    """
    if seconds == 0:
        yield
        return
    watchdog = Watchdog(seconds, grace)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if not watchdog.is_over:  # otherwise the run has ended at the same moment
            raise _Interruption

    before = signal.signal(SIGNAL, interrupt)
    thread = threading.Thread(target=watchdog.watch, args=(at_last,), name="watchdog", daemon=True)
    thread.start()
    try:
        yield
        watchdog.stop()
    except BaseException as error:
        if watchdog.error is None:
            raise
        raise watchdog.error from error
    finally:
        watchdog.stop()
        thread.join()
        signal.signal(SIGNAL, before)
