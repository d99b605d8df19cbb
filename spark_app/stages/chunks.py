"""The change set, worked through in chunks with a commit each: a crash loses one of them at most."""

import math
import time
from collections.abc import Callable

from pyspark.sql import DataFrame

from spark_app.engine.provision import Model
from spark_app.keys import MANY_KEYS
from spark_app.progress import Progress, Reporter, polling
from spark_app.run import Change, Run
from spark_app.stages.features import Counters, FeatureJob, compute_features, tasks_for
from spark_app.stages.outcomes import Tally, read_outcomes
from spark_app.stages.plan import Plan
from spark_app.tables import Rows, Tables


def featurise(this: Run, tables: Tables, plan: Plan, model: Model) -> Change:
    """Compute the features of all images of a plan, and commit them.

    Raises
    ------
    TooManyRejectsError
        If so many images are refused that the cause must be something else.
    """
    spark = tables.spark
    counters = Counters(*(spark.sparkContext.accumulator(0) for _ in range(3)))
    job = _job(this, tables, model, counters)
    tally = Tally()
    with polling(_progress_of(counters, plan, this.reporter)):
        for number in range(chunks := math.ceil(plan.changes / this.settings.chunk_size)):
            changes = plan.chunk(spark, number, chunks)
            tasks = tasks_for(math.ceil(plan.changes / chunks), spark.sparkContext.defaultParallelism)
            staged = f"{this.staging}outcomes/{number}/"
            chunk = compute_features(changes, job, tasks, staged)
            tally += chunk
            tally.check(this.settings.max_reject_rate)
            if chunk.changes:
                _commit(tables, read_outcomes(spark, this.root.spark_path(staged)), chunk)
            this.reporter.committed(number + 1, chunks)
    if tally.changes == 0:
        return Change(tally, None, [])
    outcomes = read_outcomes(spark, this.root.spark_path(f"{this.staging}outcomes/*/"))
    return Change(tally, outcomes, stale_keys(outcomes, "had_features", tally.stale_features))


def stale_keys(outcomes: DataFrame, had: str, count: int) -> list[str] | None:
    """Name the keys of which a table had a row; None if these, `count`, are many."""
    if count > MANY_KEYS:
        return None
    return [row.key for row in outcomes.where(had).select("key").collect()] if count else []


def _job(this: Run, tables: Tables, model: Model, counters: Counters) -> FeatureJob:
    return FeatureJob(
        root=this.root,
        images=this.images,
        run_id=this.run_id,
        model_id=model.model_id,
        engine=this.settings.engine,
        payload=tables.spark.sparkContext.broadcast(model.payload),
        batch_size=this.settings.batch_size,
        limits=this.settings.limits,
        counters=counters,
    )


def _commit(tables: Tables, outcomes: DataFrame, chunk: Tally) -> None:
    """Bring staged outcomes into the tables; what touches no row makes no commit."""
    for commit, kept, stale, keep, had in (
        (tables.commit_rejects, chunk.rejected, chunk.stale_rejects, "reason IS NOT NULL", "had_reject"),
        (tables.commit_features, chunk.featurised, chunk.stale_features, "features IS NOT NULL", "had_features"),
    ):
        if kept or stale:
            commit(Rows(outcomes, keep, kept, stale, stale_keys(outcomes, had, stale)))


def _progress_of(counters: Counters, plan: Plan, reporter: Reporter) -> Callable[[], None]:
    start = time.monotonic()

    def report() -> None:
        done = min(counters.done.value, plan.changes)
        reporter.progress(Progress(done, plan.changes, counters.refused.value, time.monotonic() - start))

    return report
