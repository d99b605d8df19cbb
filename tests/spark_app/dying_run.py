"""A run that kills itself: `python -m tests.spark_app.dying_run EVENT COUNTS IMAGES OUTPUT MODE CHUNK_SIZE`.

The process kills itself with SIGKILL before an event, as if the machine failed: the event of number EVENT, or the first
one whose description begins with EVENT. With 0, it does not. Events are lasting changes (a commit, an object that is
written or deleted, a switch of a branch) and calls of the reporter. The process counts the images that it starts to
compute in the folder COUNTS.

With PYSPARK_GATEWAY_PORT, the run uses a JVM that is already warm, which takes a third of the time.
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
    (Tables, "commit"),
    (Tables, "replace_components"),
    (Storage, "write"),
    (Storage, "copy"),
    (Storage, "delete"),
    (IcebergTable, "begin_branch"),
    (IcebergTable, "switch_to"),
    (IcebergTable, "drop_branch"),
    (IcebergTable, "merge_tiny_files"),
)


class Fate:
    """Counts the events, and kills the process before one of them."""

    def __init__(self, event: str, log: Path) -> None:
        self._event = event
        self._seen = 0
        self._log = log

    def happens(self, what: str) -> None:
        """Count an event that is about to happen."""
        self._seen += 1
        if what.startswith(self._event) or str(self._seen) == self._event:
            with self._log.open("a") as log:
                log.write(what + "\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, owner: type, name: str) -> None:
        """Make an event of each call of a method."""
        action = getattr(owner, name)

        def act(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 -- any method
            self.happens(f"{owner.__name__}.{name} {arguments[1] if owner is Storage else ''}")
            return action(*arguments, **options)

        setattr(owner, name, act)


class FatefulReporter(PlainReporter):
    """Makes an event of the beginning of each step, of the end of each chunk, and of progress within a chunk."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(io.StringIO())
        self._fate = fate
        self._is_new = True

    def started(self, step: str) -> None:
        """Count the beginning of a step."""
        self._fate.happens(f"step {step}")

    def progress(self, progress: Progress) -> None:
        """Count the first progress within a chunk, which another thread reports while Spark runs tasks."""
        if self._is_new and 0 < progress.done < progress.total:
            self._is_new = False
            self._fate.happens("amid a chunk")

    def committed(self, chunk: int, chunks: int) -> None:  # noqa: ARG002 -- each chunk is an event
        """Count the end of a chunk."""
        self._is_new = True
        self._fate.happens("chunk committed")


def count_started(counts: Path) -> None:
    """Count the images of each chunk before the network computes them."""
    compute = chunks.compute_features

    def counted(changes: DataFrame, *arguments: Any) -> Tally:  # noqa: ANN401 -- any arguments
        with (counts / "started").open("ab") as started:
            started.write(b"." * changes.where(f"action = '{Action.FEATURISE}'").count())
        return compute(changes, *arguments)

    setattr(chunks, "compute_features", counted)  # noqa: B010 -- mypy refuses assignments to functions


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
    """Run the pipeline, and kill the process before the given event."""
    os.environ.update(environment or {})
    event, counts, images, output, mode, chunk = arguments
    fate = Fate(event, Path(counts) / "deaths.log")
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
