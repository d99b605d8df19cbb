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

from contract.runs import Mode
from contract.tables import Table
from spark_app.engine.provision import Model
from spark_app.errors import TooManyRejectsError, WorkersError
from spark_app.explorer.sample import thumbnail_share
from spark_app.failures import cause_of
from spark_app.keys import MANY_KEYS
from spark_app.progress import Progress, Reporter, polling
from spark_app.run import Run
from spark_app.settings import ThumbnailsChoice
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
    share = _thumbnail_share(this, tables, change_set)
    job = FeatureJob(this.settings, this.run_id, change_set.judge, payload, counters, model.decoding, share)
    tally, outcomes = Tally(), None
    chunks = math.ceil(change_set.size / this.settings.chunk_size)
    with polling(_progress_of(counters, change_set, this.reporter)):
        for number in range(chunks):
            tasks = tasks_for(math.ceil(change_set.size / chunks), spark.sparkContext.defaultParallelism)
            staged = f"{this.staging}outcomes/{number}/"
            chunk = _compute(this, change_set.chunk(spark, number, chunks), job, tasks, staged)
            tally += chunk
            outcomes = read_outcomes(spark, this.root.spark_path(staged), chunk.changed) if chunk.changed else None
            if tally.is_suspicious(this.settings.max_reject_rate):
                raise _too_many_rejects(this, tables, outcomes, chunk, tally)
            if outcomes is not None:
                _commit_rejects(tables, outcomes, chunk)
                _commit_features(tables, outcomes, chunk)
            this.reporter.committed(number + 1, chunks)
    if chunks > 1 and tally.changed:
        outcomes = read_outcomes(spark, this.root.spark_path(f"{this.staging}outcomes/*/"), tally.changed)
    if outcomes is None:
        return AppliedChanges(tally, None, [])
    return AppliedChanges(tally, outcomes, _stale_keys(outcomes, "had_features", tally.stale_features))


def _thumbnail_share(this: Run, tables: Tables, change_set: ChangeSet) -> float:
    """Return the share of the images that get thumbnails, from the number that the table may have after the run."""
    if this.settings.thumbnails is ThumbnailsChoice.NONE:
        return 0.0
    present = tables.iceberg[Table.FEATURES].row_count(tables.branch) or 0
    return thumbnail_share(present + change_set.growth)


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


def _too_many_rejects(
    this: Run, tables: Tables, outcomes: DataFrame | None, chunk: Tally, tally: Tally
) -> TooManyRejectsError:
    """Record the refusals of the chunk, so that they fail no other run, and return the error of this run.

    A `reprocess` records nothing: its tables would lose the rows of images that are intact.
    """
    if this.settings.mode is Mode.REPROCESS:
        remedy = "If so many files are broken, run again with --max-reject-rate 1."
    else:
        if outcomes is not None:
            _commit_rejects(tables, outcomes, chunk)
        remedy = (
            "The run has recorded the refused files, and they fail no other run: if they are broken, run again. If "
            "not, correct the cause first, and then run with --mode reprocess."
        )
    return TooManyRejectsError(f"{tally.suspicion} The last results are unchanged. {remedy}")


def _commit_rejects(tables: Tables, outcomes: DataFrame, tally: Tally) -> None:
    if tally.touches_rejects:
        keys = _stale_keys(outcomes, "had_reject", tally.stale_rejects)
        rejects = RowChanges(outcomes, "reason IS NOT NULL", tally.rejected, tally.stale_rejects, keys)
        tables.commit(Table.REJECTS, rejects)


def _commit_features(tables: Tables, outcomes: DataFrame, tally: Tally) -> None:
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
