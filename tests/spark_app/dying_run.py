"""A run that is killed: `python -m tests.spark_app.dying_run EVENT COUNTS IMAGES OUTPUT MODE OPTIONS...`.

It is the command, but for two things. Before the EVENT-th of the things that last (a commit, an object written or
deleted, a branch switched) and of the moments that are reported, it kills itself, as a machine that fails would; 0
spares it. And its workers write a byte for every image that the network computes to files in the folder COUNTS.
"""

import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

from cli.local import local_session_conf
from spark_app.iceberg import IcebergTable
from spark_app.pipeline import run
from spark_app.progress import PlainReporter, Progress
from spark_app.settings import RunSettings
from spark_app.storage import Storage
from spark_app.tables import Tables

LASTING = (
    (Tables, "commit_rejects"),
    (Tables, "commit_features"),
    (Tables, "commit_components"),
    (Tables, "replace_components"),
    (Storage, "write"),
    (Storage, "copy"),
    (Storage, "delete"),
    (IcebergTable, "begin_branch"),
    (IcebergTable, "switch_to"),
    (IcebergTable, "drop_branch"),
    (IcebergTable, "merge_small_files"),
)


class Fate:
    """Counts what happens, and ends the process in time."""

    def __init__(self, event: int, log: Path) -> None:
        self._left = event
        self._log = log

    def happens(self, what: str) -> None:
        """Note that something is about to happen."""
        self._left -= 1
        if self._left == 0:
            with self._log.open("a") as log:
                log.write(what + "\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, owner: type, name: str) -> None:
        """Make a method happen."""
        action = getattr(owner, name)

        def act(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 -- any method
            self.happens(f"{owner.__name__}.{name} {arguments[1] if owner is Storage else ''}")
            return action(*arguments, **options)

        setattr(owner, name, act)


class FatefulReporter(PlainReporter):
    """Makes the beginning of each step happen, and the first sign of progress in a chunk."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(io.StringIO())
        self._fate = fate
        self._is_new = True

    def started(self, step: str) -> None:
        """Note the step."""
        self._fate.happens(f"step {step}")

    def progress(self, progress: Progress) -> None:
        """Note that tasks are at work: this comes from another thread, in the middle of a job."""
        if self._is_new and 0 < progress.done < progress.total:
            self._is_new = False
            self._fate.happens("amid a chunk")

    def committed(self, chunk: int, chunks: int) -> None:  # noqa: ARG002 -- one chunk is like another
        """Note the end of a chunk."""
        self._is_new = True
        self._fate.happens("chunk committed")


def main() -> None:
    """Run, and maybe die."""
    event, counts, images, output, mode, chunk = sys.argv[1:]
    fate = Fate(int(event), Path(counts) / "deaths.log")
    for owner, name in LASTING:
        fate.before(owner, name)
    settings = RunSettings(
        images=Path(images).as_uri(),
        output=Path(output).as_uri(),
        mode=mode,
        weights="seeded",
        components=5,
        refit_threshold=0.0,
        chunk_size=int(chunk),
    )
    os.environ["FRUITS_TEST_COUNTS"] = counts
    with local_session_conf("local[2,3]", Path(counts) / "spark.log") as conf:
        run(settings, FatefulReporter(fate), conf | {"spark.python.daemon.module": "tests.spark_app.counting_daemon"})


if __name__ == "__main__":
    main()
