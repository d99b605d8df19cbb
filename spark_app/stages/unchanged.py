"""Whether anything has changed since the last complete run, found out without Spark.

A complete run records digests of all that it has read and left. If the next run finds the same digests, it would change
nothing. Whatever else has happened, such as a changed or deleted file, an interrupted run or a commit of another
program, changes one of the digests, and the run takes place. Only damage that leaves the size and the time of a file is
not seen.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from contract.documents import DocumentError
from contract.last_state import LastState
from contract.layout import (
    BASES,
    INBOX,
    LAST_STATE,
    LATEST,
    LATEST_PAGE,
    MODELS,
    TABLES,
    ResultFile,
    is_notices_file,
    results_folder,
)
from contract.runs import Mode
from contract.summary import Summary
from spark_app.engine.weights import Weights
from spark_app.installed import program_digest
from spark_app.run import Run
from spark_app.settings import RunSettings
from spark_app.stages.listing import Listing, ListingDigest, stage_listing
from spark_app.storage import Storage

WITHOUT_EFFECT = frozenset(
    (
        *("mode", "retention_days", "chunk_size", "use_existing_folder"),
        *("on_new_model", "no_progress_minutes", "fenced"),
        "weights",  # their hash counts, wherever they are
    )
)
"""Settings that do not change the results of a run which computes no image. All others do, as far as is known here."""


@dataclass(frozen=True)
class Comparison:
    """What a run has found out before it starts Spark."""

    outcome: str
    """What has changed, or that nothing has changed: a part of a sentence."""
    last: Summary | None = None
    """The last complete run if nothing has changed since then; `None` if this run has something to do."""
    listing: Listing | None = None
    """The images, if the run has listed them."""


def last_state(this: Run) -> LastState | None:
    """Read the state that the last complete run has recorded; return `None` if this run does not depend on it.

    A run with an id of its own does not: the caller that has chosen the id waits for its results.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if this.settings.mode not in {Mode.RECONCILE, Mode.UPDATE} or this.settings.run_id is not None:
        return None
    try:
        state = LastState.from_json(this.root.read(LAST_STATE) or b"")
    except DocumentError:
        return None  # there is none, or this run replaces it
    return None if state.listing is None and this.settings.mode is Mode.RECONCILE else state


def find_changes(this: Run, state: LastState, weights: Weights | None) -> Comparison:
    """Compare the images, the settings and the output with what the last complete run has recorded.

    Parameters
    ----------
    weights
        Weights of this run; `None` if they are not on this machine yet.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if weights is None or state.circumstances != _circumstances(this.settings, weights):
        return Comparison("other options, weights or another version than in the last run")
    if _has_notices(this.root):
        return Comparison("there are new notices")
    if state.output != _output_digest(this.root, state.run_id):
        return Comparison("the output is not as the last complete run has left it")
    listing = None
    if this.settings.mode is Mode.RECONCILE:
        listing = stage_listing(this.images, this.root, this.staging)
        if listing.digest != state.listing:
            return Comparison("the images have changed", listing=listing)
    try:
        last = Summary.from_json(this.root.read(results_folder(state.run_id) + ResultFile.SUMMARY) or b"")
    except DocumentError:
        return Comparison("the summary of the last run is damaged", listing=listing)
    nothing = "nothing has changed" if listing else "there are no notices"
    return Comparison(f"{nothing} since run {last.run_id}: its results are still valid", last, listing)


def record_state(this: Run, weights: Weights, listing: Listing | None, unexpected: Collection[str]) -> None:
    """Record the state in which a complete run leaves everything, at its very end.

    A run that has met something unexpected, such as damage, records nothing, so that the next run looks at everything
    once more. In a bucket, each run makes results of its own, because the state machine waits for them.

    Parameters
    ----------
    listing
        Images that this run has listed, and that need no other look; `None` if there is no such listing.
    unexpected
        Notes of this run on what it has met.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if not this.root.is_local or unexpected:
        return
    state = LastState(
        run_id=this.run_id,
        listing=listing.digest if listing else None,
        circumstances=_circumstances(this.settings, weights),
        output=_output_digest(this.root, this.run_id),
    )
    this.root.write(LAST_STATE, state.to_json().encode())


def _has_notices(root: Storage) -> bool:
    return any(is_notices_file(key) for batch in root.list_objects(INBOX) for key in batch["key"].to_pylist())


def _circumstances(settings: RunSettings, weights: Weights) -> str:
    effective = {name: value for name, value in settings.to_document().items() if name not in WITHOUT_EFFECT}
    facts = [effective, settings.notices, weights.kind, weights.sha256, program_digest()]
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _output_digest(root: Storage, run_id: str) -> str:
    """Return a digest of the listing of all files of which the next run reads some, and of what leads to the results.

    A file that another program has written, or replaced by a copy, has another etag.
    """
    digest = ListingDigest()
    for folder in (TABLES, BASES, MODELS, results_folder(run_id)):
        for batch in root.list_objects(folder):
            digest.add(batch)
    return sha256(f"{digest} {root.find(LATEST)} {root.find(LATEST_PAGE)}".encode()).hexdigest()
