"""Reads the outcome of a job run, and its description by EMR Serverless. Calls no service."""

import json
from typing import TYPE_CHECKING, Any

from contract.workflow import Usage

if TYPE_CHECKING:
    from datetime import datetime

JOB_RUN_ID = ("JobRunId", "jobRunId")
"""Names of the field in documents of Step Functions and of the API of EMR Serverless."""


def job_run_id_of(outcome: Any) -> str | None:  # noqa: ANN401 -- any JSON value
    """Find the id of the job run in its outcome.

    Parameters
    ----------
    outcome
        Answer of EMR Serverless to a successful job run, or error and cause of a failed one.

    Returns
    -------
    str or None
        `None` if no job run was started.
    """
    try:
        return _search(outcome)
    except RecursionError:  # the document is nested deeper than any that AWS writes
        return None


def _search(outcome: Any) -> str | None:  # noqa: ANN401 -- any JSON value
    if isinstance(outcome, str):
        return _search(_parsed(outcome))
    if not isinstance(outcome, dict):
        return None
    named = next((outcome[name] for name in JOB_RUN_ID if isinstance(outcome.get(name), str)), None)
    nested = (_search(outcome[name]) for name in ("JobRun", "jobRun", "Cause") if name in outcome)
    return named or next((found for found in nested if found), None)


def _parsed(text: str) -> Any:  # noqa: ANN401 -- any JSON value
    try:
        return json.loads(text)
    except ValueError:
        return None


def usage_of(job_run: dict[str, Any]) -> Usage | None:
    """Return the billed resources of a job run; `None` if AWS does not report them yet."""
    billed = job_run.get("billedResourceUtilization") or {}
    if "vCPUHour" not in billed or "memoryGBHour" not in billed:
        return None
    return Usage(
        vcpu_hours=billed["vCPUHour"],
        memory_gb_hours=billed["memoryGBHour"],
        storage_gb_hours=billed.get("storageGBHour", 0.0),
    )


def end_of(job_run: dict[str, Any]) -> "datetime":
    """Return the time at which a job run ended, or of its last update if AWS does not report the end."""
    end: datetime = job_run.get("endedAt") or job_run["updatedAt"]
    return end


def seconds_of(job_run: dict[str, Any]) -> float:
    """Return the time from the submission of a job run to its end, in seconds."""
    created: datetime = job_run["createdAt"]
    return round((end_of(job_run) - created).total_seconds(), 1)
