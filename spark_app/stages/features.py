"""The tasks that compute features: threads fetch images ahead, and the task decodes and computes one after the other.

A task has one core. Decoding in a thread of its own would only make threads compete for that core.

Spark transports names and counts only. Each task writes its outcomes to the staging folder itself, so that neither
image bytes nor features pass through the JVM: returning 1280 values per row to Spark took a twelfth of the step's time.

An image that ends its worker must not end every run. The first attempt of a task decodes within the worker, which is
fastest. If the worker dies, the next attempt decodes in a process of its own, finds the image and refuses it.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from contract.job import IMAGES_PER_TASK
from contract.layout import label_of
from contract.rejects import Reason
from spark_app.engine.bounds import Bounds, process_ends_after
from spark_app.engine.interface import FeatureEngine, Pixels
from spark_app.engine.isolated_decoder import IsolatedDecoder
from spark_app.engine.measures import measure
from spark_app.engine.preprocessing import DecodedImage, decode
from spark_app.engine.refusals import RefusedImageError
from spark_app.engine.thumbnail import thumbnail
from spark_app.engine.worker import worker_engine
from spark_app.keys import key_hash
from spark_app.lookahead import grouped, map_ahead
from spark_app.settings import Decoding, Limits, RunSettings
from spark_app.stages.change_set import Action, Judge
from spark_app.stages.outcomes import OUTCOMES, TALLIES, Tally
from spark_app.storage import FetchedObject, Forbidden, Storage, TooLarge

if TYPE_CHECKING:
    from pyspark import Accumulator, Broadcast

BYTES_AHEAD = 64_000_000
"""Maximum size of the fetched files that a task holds. A single larger file is possible."""


@dataclass(frozen=True)
class FetchPlan:
    """How a task fetches files ahead."""

    threads: int
    files: int
    """Files that a thread fetches at a time."""
    bytes: int
    """Maximum size of these. A single larger file is possible."""


FROM_FOLDER = FetchPlan(threads=2, files=16, bytes=4_000_000)
"""Reading a file takes less time than switching between threads, so a thread reads several at a time."""
FROM_BUCKET = FetchPlan(threads=32, files=1, bytes=0)
"""A bucket takes its time for an answer, but gives many at once."""
ROWS_PER_BATCH = 32
"""Images after which a task reports its progress."""


@dataclass(frozen=True)
class Counters:
    """Counts that the workers report while they work. They are hints only: a retried task counts twice."""

    done: "Accumulator[int]"
    refused: "Accumulator[int]"
    engines: "Accumulator[int]"
    """Engines that were built: one per Python worker."""


@dataclass(frozen=True)
class FeatureJob:
    """The context of a task, which Spark sends to the workers."""

    settings: RunSettings
    run_id: str
    judge: Judge
    payload: "Broadcast[bytes]"
    """What the engine executes."""
    counters: Counters
    decoding: Decoding
    thumbnail_share: float = 0.0
    """Share of the images that get a thumbnail: those with the least hashes of their keys."""
    isolates: bool = False
    """Whether the first attempt of a task, too, decodes in a process of its own."""


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """A row of the change set."""

    key: str
    etag: str
    size: int
    action: Action
    had_features: bool
    had_reject: bool
    settled_etag: str | None
    """Version of which the tables have a correct row; `None` if there is none."""
    refused_etag: str | None
    """Version that an earlier run has refused; `None` if there is none."""
    refused_as: str | None
    """Reason of that refusal."""

    def was_refused(self, etag: str, reason: Reason | None = None) -> bool:
        """Return whether an earlier run has refused a version, for any reason or for the given one."""
        return self.refused_etag == etag and reason in {None, self.refused_as}


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """The outcome of one image: pixels, a refusal, or `unchanged`; none of these if the image no longer exists."""

    planned: PlannedImage
    etag: str
    image: DecodedImage | None = None
    refusal: RefusedImageError | None = None
    unchanged: bool = False

    @property
    def differs_from_plan(self) -> bool:
        """Whether the image is not the version that the listing or the notice named, or no longer exists."""
        is_gone = self.image is None and self.refusal is None and not self.unchanged
        return self.planned.action is Action.FEATURISE and (is_gone or self.etag != self.planned.etag)


CHANGE_COLUMNS = tuple(column.name for column in fields(PlannedImage))

Decoder = Callable[[bytes], DecodedImage]
"""Decodes a file; raises `RefusedImageError`."""


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that was refused before it was fetched."""

    etag: str
    refusal: RefusedImageError


Fetched = tuple[PlannedImage, FetchedObject | RefusedFile | None]
"""An image with its file, or a refusal; `None` if the file does not exist or need not be fetched."""


def compute_features(changes: DataFrame, job: FeatureJob, tasks: int, folder: str) -> Tally:
    """Compute the features of one chunk of the change set, stage the outcomes, and count them.

    Parameters
    ----------
    changes
        Rows with the columns of the change set.
    folder
        Folder below the root for the outcomes: Parquet files of `OUTCOMES`.
    """
    names = changes.select(*CHANGE_COLUMNS).repartition(tasks)
    task = partial(_run_task, job=job, folder=folder)
    return Tally.of_rows(names.mapInArrow(task, from_arrow_schema(TALLIES)).collect())


def tasks_for(images: int, parallelism: int) -> int:
    """Return the number of tasks of a chunk: full waves of `parallelism` tasks of at most `IMAGES_PER_TASK` images."""
    waves = math.ceil(images / (IMAGES_PER_TASK * parallelism))
    return min(images, waves * parallelism)


def _run_task(batches: Iterable[pa.RecordBatch], job: FeatureJob, folder: str) -> Iterator[pa.RecordBatch]:
    """Compute, stage and count. A retried task overwrites its file, because its partition has the same images."""
    outcomes = pa.Table.from_batches(list(_outcomes_of_partition(batches, job)), schema=OUTCOMES)
    if outcomes.num_rows:
        context = TaskContext.get()
        key = f"{folder}part-{context.partitionId() if context else 0:05}.parquet"
        with Storage(job.settings.output).open_writer(key) as sink:
            # Features hardly compress and do not repeat, and the file is read once.
            pq.write_table(outcomes, sink, compression="none", use_dictionary=False, write_statistics=False)
    yield Tally.of_outcomes(outcomes).to_rows()


def _outcomes_of_partition(batches: Iterable[pa.RecordBatch], job: FeatureJob) -> Iterator[pa.RecordBatch]:
    """Process the images of one task. Threads fetch images while the task decodes and computes others."""
    engine = worker_engine(
        job.judge.model_id, job.settings.engine, job.payload.value, on_build=lambda: job.counters.engines.add(1)
    )
    images, limits = Storage(job.settings.images), job.settings.limits
    with ExitStack() as stack:
        isolated = IsolatedDecoder(limits, decoding=job.decoding)
        decoder = stack.enter_context(isolated).decode if _isolates(job) else _decoder_here(limits, job.decoding)
        plan = FROM_FOLDER if images.is_local else FROM_BUCKET
        fetchers = stack.enter_context(ThreadPoolExecutor(plan.threads, "fetch"))
        # Registered last, so it is called first: an aborted task does not wait for its queue.
        stack.callback(fetchers.shutdown, wait=False, cancel_futures=True)
        planned = _planned_images(batches)
        groups = grouped(planned, size=plan.files, weight=lambda image: image.size, budget=plan.bytes)
        fetched = map_ahead(
            lambda group: [_fetch(images, limits, image) for image in group],
            groups,
            fetchers,
            ahead=plan.threads,
            weight=lambda group: sum(image.size for image in group),
            budget=BYTES_AHEAD,
        )
        one_by_one = itertools.chain.from_iterable(fetched)
        computed = map(partial(_row_of, decoder=decoder, engine=engine, job=job), one_by_one)
        while batch := list(itertools.islice(computed, ROWS_PER_BATCH)):
            # Measured together: one by one, between two images of the network, it takes twice as long, because the
            # network has displaced code and tables from the caches of the processor.
            some = [row | _seen_in(pixels, row["key"], job) if pixels is not None else row for row, pixels in batch]
            yield pa.RecordBatch.from_pylist(some, schema=OUTCOMES)
            job.counters.done.add(len(some))
            job.counters.refused.add(sum("reason" in row for row in some))


def _isolates(job: FeatureJob) -> bool:
    """Return whether this attempt of a task decodes in a process of its own, because an image may have ended another.

    It does so after any failure: what an earlier attempt died of is not known here, and the pixels are the same.
    """
    context = TaskContext.get()
    return job.isolates or (context is not None and context.attemptNumber() > 0)


def _decoder_here(limits: Limits, decoding: Decoding) -> Decoder:
    """Return a decoder that works in this process, and ends it if an image takes too long."""
    bounds = Bounds.of(limits)

    def decode_in_time(body: bytes) -> DecodedImage:
        with process_ends_after(bounds.seconds):
            return decode(body, limits, decoding)

    return decode_in_time


def _planned_images(batches: Iterable[pa.RecordBatch]) -> Iterator[PlannedImage]:
    for batch in batches:
        columns = (batch[name].to_pylist() for name in CHANGE_COLUMNS)
        for key, etag, size, action, *known in zip(*columns, strict=True):
            yield PlannedImage(key, etag or "", size or 0, Action(action), *known)


def _fetch(images: Storage, limits: Limits, planned: PlannedImage) -> Fetched:
    if planned.action is Action.REMOVE:
        return planned, None
    try:
        return planned, images.fetch(planned.key, max_bytes=limits.megabytes * 1e6)
    except TooLarge as found:
        detail = f"{found.size:,} bytes, more than {limits.megabytes:g} megabytes"
        return planned, RefusedFile(found.etag, RefusedImageError(Reason.TOO_LARGE, detail))
    except Forbidden as error:
        if planned.had_reject and planned.was_refused(planned.etag, Reason.UNREADABLE):
            # The table has this row already. The run only looks whether the permissions have changed.
            planned = replace(planned, settled_etag=planned.etag)
        return planned, RefusedFile(planned.etag, RefusedImageError(Reason.UNREADABLE, str(error)))


def _decode(fetched: Fetched, decoder: Decoder) -> ImageOutcome:
    planned, answer = fetched
    if answer is None:
        return ImageOutcome(planned, planned.etag)
    if isinstance(answer, RefusedFile):
        if answer.refusal.reason is Reason.UNREADABLE and planned.settled_etag == planned.etag:
            return ImageOutcome(planned, planned.etag, unchanged=True)
        return ImageOutcome(planned, answer.etag, refusal=answer.refusal)
    if answer.etag == planned.settled_etag:
        # The notice is older than the row: the tables already have a row of the present version.
        return ImageOutcome(planned, answer.etag, unchanged=True)
    try:
        return ImageOutcome(planned, answer.etag, image=decoder(answer.body))
    except RefusedImageError as refusal:
        return ImageOutcome(planned, answer.etag, refusal=refusal)


def _row_of(
    fetched: Fetched, decoder: Decoder, engine: FeatureEngine, job: FeatureJob
) -> tuple[dict[str, Any], Pixels | None]:
    """Decode an image, and compute its features.

    Returns
    -------
    row
        A row of `OUTCOMES` without what `_seen_in` the pixels; columns that are left out are null.
    pixels
        The pixels; `None` if there are none.
    """
    outcome = _decode(fetched, decoder)
    features = engine.features(outcome.image.pixels[np.newaxis])[0] if outcome.image else None
    planned, image, refusal = outcome.planned, outcome.image, outcome.refusal
    row: dict[str, Any] = {
        "key": planned.key,
        "etag": outcome.etag,
        "label": label_of(planned.key, job.settings.label_level),
        "model_id": job.judge.model_id,
        "features": features,
        "run_id": job.run_id,
        "processed_at": datetime.now(UTC),
        "had_features": planned.had_features,
        "had_reject": planned.had_reject,
        "unchanged": outcome.unchanged,
        "changed_meanwhile": outcome.differs_from_plan,
    }
    if image:
        row |= {"width": image.width, "height": image.height}
    if image and job.settings.curation.is_on:
        row |= _hash_of(fetched)
    if refusal:
        row |= {"reason": refusal.reason.value, "detail": refusal.detail, "examined_with": job.judge.examined_with}
        row["refused_again"] = planned.was_refused(outcome.etag)
    return row, image.pixels if image else None


def _seen_in(pixels: Pixels, key: str, job: FeatureJob) -> dict[str, Any]:
    """Return the columns of the measurements of an image, and of its thumbnail."""
    row = dict(vars(measure(pixels))) if job.settings.curation.is_on else {}
    return row | {"thumbnail": thumbnail(pixels)} if key_hash(key) < job.thumbnail_share else row


def _hash_of(fetched: Fetched) -> dict[str, str]:
    """Return the column of the hash of a file that was fetched."""
    _, file = fetched
    return {"content_hash": hashlib.sha256(file.body).hexdigest()} if isinstance(file, FetchedObject) else {}
