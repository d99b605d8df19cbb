"""The runs of an environment, as the documents in its bucket describe them."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from cli.cloud.bucket import folders_in, read
from cli.cloud.environment import Deployment
from cli.cloud.errors import CloudError
from contract.documents import DocumentError
from contract.layout import LATEST, RESULTS, ResultFile, results_folder, run_record
from contract.runs import is_run_id
from contract.summary import Latest, Summary
from contract.workflow import RunRecord

T = TypeVar("T")


class DamagedPointerError(CloudError):
    """The pointer to the last complete results is damaged."""


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """A run and its documents: the record exists when it has ended, the summary when it has published results."""

    run_id: str
    record: RunRecord | None
    summary: Summary | None

    @property
    def failed(self) -> bool:
        """Whether the run has ended without success."""
        return self.record is not None and not self.record.succeeded


def newest_run_ids(deployment: Deployment, count: int) -> list[str]:
    """Return the ids of the last runs, newest first."""
    ids = filter(is_run_id, folders_in(deployment, RESULTS))
    # Run ids sort by time, and S3 lists them in ascending order.
    return list(reversed(deque(ids, maxlen=count)))


def recorded_run(deployment: Deployment, run_id: str) -> RecordedRun:
    """Read the documents of a run."""
    return RecordedRun(
        run_id=run_id,
        record=_read_as(RunRecord.from_json, deployment, run_record(run_id)),
        summary=_read_as(Summary.from_json, deployment, f"{results_folder(run_id)}{ResultFile.SUMMARY}"),
    )


def last_complete_run(deployment: Deployment) -> str | None:
    """Return the id of the last run with complete results; `None` if there is none yet.

    Raises
    ------
    DamagedPointerError
        If the pointer to the results is damaged.
    """
    body = read(deployment, LATEST)
    try:
        return Latest.from_json(body).run_id if body is not None else None
    except DocumentError as error:
        raise DamagedPointerError(
            f"{LATEST} in the bucket {deployment.bucket} is damaged ({error}). The next run writes it again."
        ) from error


def _read_as(parse: Callable[[bytes], T], deployment: Deployment, key: str) -> T | None:
    """Read a document; `None` if it is missing, or if it can't be parsed because it is of another version."""
    body = read(deployment, key)
    if body is not None:
        with suppress(DocumentError):
            return parse(body)
    return None
