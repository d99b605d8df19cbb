"""Features of images: fetched ahead, decoded beside, computed in batches.

Spark moves names and counts. Neither image bytes nor features pass through the JVM: each task writes its outcomes to
the staging folder itself. Handing 1280 values per row to Spark took a twelfth of the whole step's time.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from contract.layout import label_of
from contract.rejects import Reason
from spark_app.engine.preprocessing import DecodedImage, RefusedImageError, decode
from spark_app.engine.worker import FeatureEngine, worker_engine
from spark_app.settings import Engine, Limits
from spark_app.stages.lookahead import map_ahead
from spark_app.stages.outcomes import OUTCOMES, TALLIES, Tally
from spark_app.stages.plan import Op
from spark_app.storage import FetchedObject, Forbidden, Storage, TooLarge

if TYPE_CHECKING:
    from pyspark import Accumulator, Broadcast

IMAGES_PER_TASK = 256
"""Long enough to hide the start of a task, short enough to show progress and to lose little with a worker."""

FETCHES_AHEAD = 32
BYTES_AHEAD = 64_000_000
"""What a task holds of fetched files at most, however large they are (but always one)."""
DECODES_AHEAD = 32

CHANGE_COLUMNS = ("key", "etag", "size", "op", "had_features", "had_reject", "settled_etag")


@dataclass(frozen=True)
class Counters:
    """What the workers report while they work. Hints for the terminal: a retried task counts twice.

    Attributes
    ----------
    done
        Images worked through.
    refused
        Of those, refused.
    engines
        Engines built: one per Python worker.
    """

    done: "Accumulator[int]"
    refused: "Accumulator[int]"
    engines: "Accumulator[int]"


@dataclass(frozen=True)
class FeatureJob:
    """What a task needs to know to compute features.

    Attributes
    ----------
    root, images
        Where to write, and where the images are.
    payload
        What the engine executes, broadcast.
    counters
        Where to report.
    """

    root: Storage
    images: Storage
    run_id: str
    model_id: str
    engine: Engine
    payload: "Broadcast[bytes]"
    batch_size: int
    limits: Limits
    counters: Counters


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the change set."""

    key: str
    etag: str
    size: int
    op: Op
    had_features: bool
    had_reject: bool
    settled_etag: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an image: pixels, or a refusal, or nothing to do, or none of these if it is gone."""

    change: Change
    etag: str
    image: DecodedImage | None = None
    refusal: RefusedImageError | None = None
    unchanged: bool = False


def compute_features(changes: DataFrame, job: FeatureJob, tasks: int, folder: str) -> Tally:
    """Compute the features of a chunk of the change set, and stage them.

    Parameters
    ----------
    changes
        `CHANGE_COLUMNS`, and maybe more.
    job
        What the tasks need to know.
    tasks
        Into how many tasks to cut the chunk.
    folder
        Where to stage the outcomes below the root: Parquet files of `OUTCOMES`.

    Returns
    -------
    Tally
        What became of the images.
    """
    names = changes.select(*CHANGE_COLUMNS).repartition(tasks)
    task = partial(_run_task, job=job, folder=folder)
    return Tally.of_rows(names.mapInArrow(task, from_arrow_schema(TALLIES)).collect())


def tasks_for(images: int, parallelism: int) -> int:
    """Cut a chunk into whole waves of `parallelism` tasks, none longer than `IMAGES_PER_TASK`."""
    waves = math.ceil(images / (IMAGES_PER_TASK * parallelism))
    return min(images, waves * parallelism)


def _run_task(batches: Iterable[pa.RecordBatch], job: FeatureJob, folder: str) -> Iterator[pa.RecordBatch]:
    """Compute, stage and count. A retried task writes the same file again: its partition holds the same images."""
    outcomes = pa.Table.from_batches(list(outcomes_of_partition(batches, job)), schema=OUTCOMES)
    if outcomes.num_rows:
        context = TaskContext.get()
        key = f"{folder}part-{context.partitionId() if context else 0:05}.parquet"
        with job.root.open_writer(key) as sink:
            # Random floats neither compress nor repeat, and this file is read once.
            pq.write_table(outcomes, sink, compression="none", use_dictionary=False, write_statistics=False)
    yield Tally.of_outcomes(outcomes).to_rows()


def outcomes_of_partition(batches: Iterable[pa.RecordBatch], job: FeatureJob) -> Iterator[pa.RecordBatch]:
    """Work through the images of one task. Fetching and decoding go on while the network computes."""
    engine = worker_engine(job.model_id, job.engine, job.payload.value, on_build=lambda: job.counters.engines.add(1))
    with ExitStack() as stack:
        fetchers = stack.enter_context(ThreadPoolExecutor(FETCHES_AHEAD, "fetch"))
        decoder = stack.enter_context(ThreadPoolExecutor(1, "decode"))
        for pool in (fetchers, decoder):
            # Registered last, so run first: a task that is abandoned doesn't wait for its queue.
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        fetched = map_ahead(
            partial(_fetch, job.images, job.limits),
            _changes(batches),
            fetchers,
            ahead=FETCHES_AHEAD,
            weight=lambda change: change.size,
            budget=BYTES_AHEAD,
        )
        outcomes = map_ahead(partial(_decoded, limits=job.limits), fetched, decoder, ahead=DECODES_AHEAD)
        for group in _grouped(outcomes, job.batch_size):
            yield _to_arrow(group, _features_of(group, engine), job)
            job.counters.done.add(len(group))
            job.counters.refused.add(sum(outcome.refusal is not None for outcome in group))


def _changes(batches: Iterable[pa.RecordBatch]) -> Iterator[Change]:
    for batch in batches:
        columns = (batch[name].to_pylist() for name in CHANGE_COLUMNS)
        for key, etag, size, op, *known in zip(*columns, strict=True):
            yield Change(key, etag or "", size or 0, Op(op), *known)


def _fetch(images: Storage, limits: Limits, change: Change) -> tuple[Change, FetchedObject | RefusedImageError | None]:
    if change.op is Op.REMOVE:
        return change, None
    try:
        return change, images.fetch(change.key, max_bytes=limits.megabytes * 1e6)
    except TooLarge as found:
        detail = f"{found.size:,} bytes, more than {limits.megabytes:g} megabytes"
        return replace(change, etag=found.etag), RefusedImageError(Reason.TOO_LARGE, detail)
    except Forbidden as error:
        return change, RefusedImageError(Reason.UNREADABLE, str(error))


def _decoded(fetched: tuple[Change, FetchedObject | RefusedImageError | None], limits: Limits) -> Outcome:
    change, answer = fetched
    if answer is None:
        return Outcome(change, change.etag)
    if isinstance(answer, RefusedImageError):
        return Outcome(change, change.etag, refusal=answer)
    if answer.etag == change.settled_etag:
        # What was said of it is old: the tables have the row of this very version.
        return Outcome(change, answer.etag, unchanged=True)
    try:
        return Outcome(change, answer.etag, image=decode(answer.body, limits))
    except RefusedImageError as refusal:
        return Outcome(change, answer.etag, refusal=refusal)


def _grouped(outcomes: Iterator[Outcome], size: int) -> Iterator[list[Outcome]]:
    while group := list(itertools.islice(outcomes, size)):
        yield group


def _features_of(group: list[Outcome], engine: FeatureEngine) -> list[np.ndarray | None]:
    """Features in the order of the group, None for those without pixels."""
    pixels = [outcome.image.pixels for outcome in group if outcome.image]
    computed = iter(engine.features(np.stack(pixels)) if pixels else ())
    return [next(computed) if outcome.image else None for outcome in group]


def _to_arrow(group: list[Outcome], features: list[np.ndarray | None], job: FeatureJob) -> pa.RecordBatch:
    n = len(group)
    return pa.record_batch(
        [
            pa.array([outcome.change.key for outcome in group]),
            pa.array([outcome.etag for outcome in group]),
            pa.array([label_of(outcome.change.key) for outcome in group], pa.string()),
            pa.array([outcome.image and outcome.image.width for outcome in group], pa.int32()),
            pa.array([outcome.image and outcome.image.height for outcome in group], pa.int32()),
            pa.array([job.model_id] * n),
            pa.array(features, pa.list_(pa.float32())),
            pa.array([job.run_id] * n),
            pa.array([datetime.now(UTC)] * n, pa.timestamp("us", tz="UTC")),
            pa.array([outcome.refusal and outcome.refusal.reason.value for outcome in group], pa.string()),
            pa.array([outcome.refusal and outcome.refusal.detail for outcome in group], pa.string()),
            pa.array([outcome.change.had_features for outcome in group]),
            pa.array([outcome.change.had_reject for outcome in group]),
            pa.array([outcome.unchanged for outcome in group]),
        ],
        schema=OUTCOMES,
    )
