"""The step that computes features: it processes the change set in chunks, each with its own commits.

A crash loses the work of at most one chunk.
"""

import math
import time
from collections.abc import Callable

from pyspark.sql import DataFrame

from contract.tables import Table
from spark_app.engine.provision import Model
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
            chunk = compute_features(change_set.chunk(spark, number, chunks), job, tasks, staged)
            tally += chunk
            tally.check(this.settings.max_reject_rate)
            if chunk.changed:
                _commit(tables, read_outcomes(spark, this.root.spark_path(staged), chunk.changed), chunk)
            this.reporter.committed(number + 1, chunks)
    if tally.changed == 0:
        return AppliedChanges(tally, None, [])
    outcomes = read_outcomes(spark, this.root.spark_path(f"{this.staging}outcomes/*/"), tally.changed)
    return AppliedChanges(tally, outcomes, _stale_keys(outcomes, "had_features", tally.stale_features))


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
