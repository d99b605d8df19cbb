"""Which run a log is about: its execution, its jobs, and its time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.cloud.environment import Deployment
from cli.cloud.history import Job, ending, entered_state, events_after, named_run, submitted_job
from cli.cloud.records import newest_run_ids, recorded_run
from cli.cloud.situation import coordination_item, last_executions, running_executions
from contract.coordination import HOLDER
from contract.environments import Output
from contract.workflow import RunRecord
from spark_app.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=10)
"""Times before and after a run in which the functions write about it: events are gathered, and bills are awaited."""


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """A run, or the beginning of an execution that has no run yet.

    Attributes
    ----------
    run_id
        `None` if the execution has not begun a run.
    execution
        ARN of the execution.
    jobs
        Job runs of the run.
    steps
        Events of the execution that belong to the run.
    begins, ends
        Times of the first and the last of these events; `ends` is `None` as long as the run goes on.
    """

    run_id: str | None
    execution: str
    jobs: tuple[Job, ...]
    steps: "tuple[HistoryEventTypeDef, ...]"
    begins: datetime
    ends: datetime | None


def logged_run(deployment: Deployment, run_id: str | None = None) -> LoggedRun:
    """Find a run; without an id, the one that goes on, otherwise the last one that has ended.

    Raises
    ------
    UsageError
        If there is no such run.
    """
    if run_id is None:
        return _newest(deployment)
    record = recorded_run(deployment, run_id).record
    if record:
        return _recorded(deployment, record)
    for execution in last_executions(deployment):  # one that was stopped, or has timed out, leaves no record
        events = events_after(deployment.stepfunctions, execution)
        if any(named_run(event) == run_id for event in events):
            return run_in(execution, events, run_id)
    raise UsageError(f"There is no run {run_id}: {deployment.command('runs')} lists the runs.")


def run_in(execution: str, events: "list[HistoryEventTypeDef]", run_id: str | None) -> LoggedRun:
    """Find the events of a run in the history of its execution: those before its first run belong to this one."""
    mine: list[HistoryEventTypeDef] = []
    current: str | None = None
    for event in events:
        named = named_run(event) or current
        if named != current and current in {run_id} - {None}:
            break  # the next run begins
        if named not in {current, run_id}:
            mine = []  # what led to another run
        current = named
        if current in {None, run_id}:
            mine.append(event)
    is_over = mine[-1]["id"] < events[-1]["id"] or ending(events) is not None
    return LoggedRun(
        run_id=run_id,
        execution=execution,
        jobs=tuple(job for event in mine if (job := submitted_job(event))),
        steps=tuple(mine),
        begins=mine[0]["timestamp"],
        ends=mine[-1]["timestamp"] if is_over else None,
    )


def _newest(deployment: Deployment) -> LoggedRun:
    holder = coordination_item(deployment).get(HOLDER)
    if holder in running_executions(deployment):
        events = events_after(deployment.stepfunctions, str(holder))
        return run_in(str(holder), events, _last_run_in(events))
    for execution in last_executions(deployment)[:_LOOKED_AT]:  # one that was stopped leaves no record
        events = events_after(deployment.stepfunctions, execution)
        if run_id := _last_run_in(events):
            return run_in(execution, events, run_id)
    for run_id in newest_run_ids(deployment, _LOOKED_AT):
        if record := recorded_run(deployment, run_id).record:
            return _recorded(deployment, record)
    raise UsageError(
        f"There is no run yet: {deployment.command('logs --hours 1')} shows what the functions have written."
    )


_LOOKED_AT = 10


def _last_run_in(events: "list[HistoryEventTypeDef]") -> str | None:
    run_ids = [run_id for event in events if entered_state(event) and (run_id := named_run(event))]
    return run_ids[-1] if run_ids else None


def _recorded(deployment: Deployment, record: RunRecord) -> LoggedRun:
    """Find a run that has ended. AWS keeps the history of an execution for 90 days; then the record names the job."""
    try:
        events = events_after(deployment.stepfunctions, record.execution)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        events = []
    if any(named_run(event) == record.run_id for event in events):
        return run_in(record.execution, events, record.run_id)
    application = record.application_id or deployment.resource(Output.APPLICATION)
    job = record.job_run_id and Job(application_id=application, job_run_id=record.job_run_id)
    return LoggedRun(
        run_id=record.run_id,
        execution=record.execution,
        jobs=(job,) if job else (),
        steps=(),
        begins=datetime.fromisoformat(record.started_at),
        ends=datetime.fromisoformat(record.finished_at),
    )
