"""A run that is killed: `python -m tests.spark_app.dying_run EVENT COUNTS IMAGES OUTPUT MODE CHUNK_SIZE`.

It is a run, but for this: before the EVENT-th of the things that last (a commit, an object written or deleted, a branch
switched) and of the moments that are reported, the process kills itself, as a machine that fails would; 0 spares it.
And what it computes is counted in the folder COUNTS.

With PYSPARK_GATEWAY_PORT it works in a JVM that is there and warm, which takes a third of the time.
"""

import io
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import DataFrame, SparkSession

from contract.layout import TABLES
from contract.runs import Mode
from localspark.session import local_session_conf
from spark_app import pipeline
from spark_app.iceberg import IcebergTable
from spark_app.numerics.components import ComponentCount
from spark_app.progress import PlainReporter, Progress
from spark_app.session import CATALOG
from spark_app.settings import RunSettings
from spark_app.stages import chunks
from spark_app.stages.change_set import Action
from spark_app.stages.outcomes import Tally
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


def count_started(counts: Path) -> None:
    """Note the images of each chunk before it is computed: no more inferences than these are made."""
    compute = chunks.compute_features

    def counted(changes: DataFrame, *arguments: Any) -> Tally:  # noqa: ANN401 -- passed on
        with (counts / "started").open("ab") as started:
            started.write(b"." * changes.where(f"action = '{Action.FEATURISE}'").count())
        return compute(changes, *arguments)

    setattr(chunks, "compute_features", counted)  # noqa: B010 -- mypy holds functions for constants


def attached_session(output: Path) -> SparkSession:
    """Make a session in the JVM that the environment names."""
    gateway = launch_gateway()
    jvm = gateway.jvm
    java = jvm.JavaSparkContext(jvm.org.apache.spark.SparkContext.getOrCreate())
    context = SparkContext(gateway=gateway, jsc=java, conf=SparkConf(_jconf=java.getConf()))
    session = SparkSession(context).newSession()
    session.conf.set(f"spark.sql.catalog.{CATALOG}.warehouse", Storage(output.as_uri()).spark_path(TABLES))
    return session


def main(arguments: list[str], environment: dict[str, str] | None = None) -> None:
    """Run, and maybe die."""
    os.environ.update(environment or {})
    event, counts, images, output, mode, chunk = arguments
    fate = Fate(int(event), Path(counts) / "deaths.log")
    for owner, name in LASTING:
        fate.before(owner, name)
    count_started(Path(counts))
    settings = RunSettings(
        images=Path(images).as_uri(),
        output=Path(output).as_uri(),
        mode=Mode(mode),
        weights="seeded",
        components=ComponentCount(5),
        refit_threshold=0.0,
        chunk_size=int(chunk),
    )
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        setattr(pipeline, "open_session", lambda *_: nullcontext(attached_session(Path(output))))  # noqa: B010
        pipeline.run(settings, FatefulReporter(fate), {})
        return
    os.environ["FRUITS_TEST_COUNTS"] = counts
    with local_session_conf("local[2,3]", Path(counts) / "spark.log") as conf:
        workers = {"spark.python.daemon.module": "tests.spark_app.counting_daemon"}
        pipeline.run(settings, FatefulReporter(fate), conf | workers)


if __name__ == "__main__":
    main(sys.argv[1:])
