"""The step that computes features: it processes the change set in chunks, each with its own commits.

A crash loses the work of at most one chunk.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from contract.tables import Table
from spark_app.engine.provision import Model
from spark_app.errors import WorkersError
from spark_app.failures import cause_of
from spark_app.keys import MANY_KEYS
from spark_app.progress import Progress, Reporter, polling
from spark_app.run import Run
from spark_app.stages.change_set import ChangeSet
from spark_app.stages.features import Counters, FeatureJob, compute_features, tasks_for
from spark_app.stages.outcomes import AppliedChanges, Tally, read_outcomes
from spark_app.tables import RowChanges, Tables


def featurise(this: Run, tables: Tables, change_set: ChangeSet, model: Model) -> AppliedChanges:
    """Compute the features of the images of a change set, and commit them.

    Raises
    ------
    TooManyRejectsError
        If so many images are refused that the images are probably not the cause.
    StorageError
        If staged rows have disappeared.
    WorkersError
        If the workers fail, whatever the images are.
    """
    spark = tables.spark
    counters = Counters(*(spark.sparkContext.accumulator(0) for _ in range(3)))
    payload = spark.sparkContext.broadcast(model.payload)
    job = FeatureJob(this.settings, this.run_id, model.model_id, payload, counters)
    tally = Tally()
    chunks = math.ceil(change_set.size / this.settings.chunk_size)
    with polling(_progress_of(counters, change_set, this.reporter)):
        for number in range(chunks):
            tasks = tasks_for(math.ceil(change_set.size / chunks), spark.sparkContext.defaultParallelism)
            staged = f"{this.staging}outcomes/{number}/"
            chunk = _compute(this, change_set.chunk(spark, number, chunks), job, tasks, staged)
            tally += chunk
            tally.check(this.settings.max_reject_rate)
            if chunk.changed:
                _commit(tables, read_outcomes(spark, this.root.spark_path(staged), chunk.changed), chunk)
            this.reporter.committed(number + 1, chunks)
    if tally.changed == 0:
        return AppliedChanges(tally, None, [])
    outcomes = read_outcomes(spark, this.root.spark_path(f"{this.staging}outcomes/*/"), tally.changed)
    return AppliedChanges(tally, outcomes, _stale_keys(outcomes, "had_features", tally.stale_features))


def _compute(this: Run, changes: DataFrame, job: FeatureJob, tasks: int, staged: str) -> Tally:
    """Compute one chunk; if Spark gives up, compute it once more, and decode each image in a separate process.

    Spark gives up although an image is to blame if it tries a task only once (``local[2]``), or if an executor that
    died has lost the output of an earlier stage: the attempts of its tasks are then counted from the beginning.

    Raises
    ------
    WorkersError
        If the workers fail again.
    """
    try:
        return compute_features(changes, job, tasks, staged)
    except (Py4JJavaError, PySparkException) as error:
        this.reporter.note(
            f"The workers failed: {cause_of(error)}. The run computes these images again, with decoders in separate "
            "processes, in case an image is the cause."
        )
    this.root.delete_folder(staged)
    try:
        return compute_features(changes, replace(job, isolates=True), tasks, staged)
    except (Py4JJavaError, PySparkException) as error:
        raise WorkersError(
            f"The workers failed at every attempt, also with decoders in separate processes: {cause_of(error)}. The "
            "last results are unchanged."
        ) from error


def _commit(tables: Tables, outcomes: DataFrame, tally: Tally) -> None:
    if tally.touches_rejects:
        keys = _stale_keys(outcomes, "had_reject", tally.stale_rejects)
        rejects = RowChanges(outcomes, "reason IS NOT NULL", tally.rejected, tally.stale_rejects, keys)
        tables.commit(Table.REJECTS, rejects)
    if tally.touches_features:
        keys = _stale_keys(outcomes, "had_features", tally.stale_features)
        features = RowChanges(outcomes, "features IS NOT NULL", tally.featurised, tally.stale_features, keys)
        tables.commit(Table.FEATURES, features)


def _stale_keys(outcomes: DataFrame, had_row: str, count: int) -> list[str] | None:
    """Return the `count` keys of which a table had a row; `None` if they are many."""
    if count > MANY_KEYS:
        return None
    return [row.key for row in outcomes.where(had_row).select("key").collect()] if count else []


def _progress_of(counters: Counters, change_set: ChangeSet, reporter: Reporter) -> Callable[[], None]:
    start = time.monotonic()

    def report() -> None:
        # A retried task counts its images twice.
        done = min(counters.done.value, change_set.size)
        reporter.progress(Progress(done, change_set.size, counters.refused.value, time.monotonic() - start))

    return report
