"""The runs of an environment, as they are recorded in its bucket."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from cli.cloud.bucket import folders_in, read
from cli.cloud.environment import Deployment
from contract.layout import LATEST, RESULTS, ResultFile, results_folder, run_record
from contract.runs import is_run_id
from contract.summary import Latest, Summary
from contract.workflow import RunRecord

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """What is known of a run.

    Attributes
    ----------
    run_id
        Its name.
    record
        What the workflow says of it; None while it is going on.
    summary
        What the run says of itself; None if it was not completed, or had nothing to publish.
    """

    run_id: str
    record: RunRecord | None
    summary: Summary | None

    @property
    def failed(self) -> bool:
        """Whether it is over, and not well."""
        return self.record is not None and self.record.state != "SUCCESS"


def newest_run_ids(deployment: Deployment, count: int) -> list[str]:
    """Name the last runs, newest first."""
    ids = filter(is_run_id, folders_in(deployment, RESULTS))
    # The names sort by time, and the bucket lists them in their order.
    return list(reversed(deque(ids, maxlen=count)))


def recorded_run(deployment: Deployment, run_id: str) -> RecordedRun:
    """Read what is known of a run."""
    return RecordedRun(
        run_id=run_id,
        record=_read_as(RunRecord.from_json, deployment, run_record(run_id)),
        summary=_read_as(Summary.from_json, deployment, f"{results_folder(run_id)}{ResultFile.SUMMARY}"),
    )


def last_complete_run(deployment: Deployment) -> str | None:
    """Name the run whose results are the last complete ones; None if there are none yet."""
    latest = _read_as(Latest.from_json, deployment, LATEST)
    return latest.run_id if latest else None


def _read_as(parse: Callable[[bytes], T], deployment: Deployment, key: str) -> T | None:
    """Read a document; one that can't be read is as good as none: it is of another version."""
    body = read(deployment, key)
    if body is not None:
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            return parse(body)
    return None
