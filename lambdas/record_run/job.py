"""What a job tells of itself. Pure."""

import json
from typing import TYPE_CHECKING, Any

from contract.workflow import Usage

if TYPE_CHECKING:
    from datetime import datetime

JOB_RUN_ID = ("JobRunId", "jobRunId")
"""As the workflow writes it, and as the API does."""


def job_run_id_of(outcome: Any) -> str | None:  # noqa: ANN401 -- whatever the workflow hands over
    """Find the id of the job in what became of it: the answer to a good one, the cause of a failure.

    Returns
    -------
    str or None
        None if no job was started.
    """
    try:
        return _search(outcome)
    except RecursionError:  # nested deeper than anything that AWS writes
        return None


def _search(outcome: Any) -> str | None:  # noqa: ANN401 -- as above
    if isinstance(outcome, str):
        return _search(_parsed(outcome))
    if not isinstance(outcome, dict):
        return None
    named = next((outcome[name] for name in JOB_RUN_ID if isinstance(outcome.get(name), str)), None)
    nested = (_search(outcome[name]) for name in ("JobRun", "jobRun", "Cause") if name in outcome)
    return named or next((found for found in nested if found), None)


def _parsed(text: str) -> Any:  # noqa: ANN401 -- as above
    try:
        return json.loads(text)
    except ValueError:
        return None


def usage_of(job_run: dict[str, Any]) -> Usage | None:
    """Read what the job was billed for; None while AWS has not told yet."""
    billed = job_run.get("billedResourceUtilization") or {}
    if "vCPUHour" not in billed or "memoryGBHour" not in billed:
        return None
    return Usage(
        vcpu_hours=billed["vCPUHour"],
        memory_gb_hours=billed["memoryGBHour"],
        storage_gb_hours=billed.get("storageGBHour", 0.0),
    )


def seconds_of(job_run: dict[str, Any]) -> float:
    """Time from the submission of the job to its end."""
    created: datetime = job_run["createdAt"]
    ended: datetime = job_run.get("endedAt") or job_run["updatedAt"]
    return round((ended - created).total_seconds(), 1)
