"""The history of an execution: which states it has entered, which jobs it has submitted, and how it has ended."""

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from cli.cloud.causes import fields_of, readable_cause
from contract.states import State
from contract.workflow import Field, RunRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

STATE_PHRASES: dict[str, str] = {
    State.CHECK_REQUEST: "checks the request",
    State.WAIT_UNTIL_DUE: "waits until it is due, if a run has begun a short time ago",
    State.GATHER: "waits for more images to gather",
    State.ACQUIRE: "asks for the lease: one execution runs at a time",
    State.READ_HOLDER: "finds that another execution holds the lease",
    State.DESCRIBE_HOLDER: "checks whether the holder is still running",
    State.LOOK_AGAIN: "waits to see whether the holder goes on",
    State.TAKE_OVER: "takes the lease over from a holder that has ended",
    State.QUEUE_UP: "asks to get the lease next",
    State.WAIT_FOR_TURN: "waits for the lease",
    State.JOINED: "leaves its images to the execution that holds the lease",
    State.PLAN_ROUND: "prepares the run",
    State.CONFIRM_LEASE: "checks that it still holds the lease",
    State.WRITE_FENCE: "makes this run the only one that may write",
    State.RUN_JOB: "runs the Spark job",
    State.RECORD_RUN: "records duration and cost of the run",
    State.RECORD_FAILURE: "records duration and cost of the failed job",
    State.NEXT_ATTEMPT: "tries again",
    State.NOTE_PROCESSED: "notes which notices the run has processed",
    State.RELEASE: "releases the lease",
    State.READ_ITEM: "keeps the lease: checks for newer notices and for a waiting execution",
    State.DESCRIBE_WAITING: "checks whether the waiting execution is still running",
    State.HAND_OVER: "hands the lease over to the waiting execution",
    State.FORGET_WAITING: "finds that the waiting execution has ended",
    State.LET_GO: "releases the lease until more images have gathered",
    State.NEXT_ROUND: "goes on to another round for newer notices",
    State.START_SUCCESSOR: "starts another execution for newer notices",
    State.RELEASE_AFTER_FAILURE: "releases the lease after the failure",
    State.READ_AFTER_FAILURE: "checks for notices that no run has failed on",
    State.START_SUCCESSOR_OF_FAILED: "starts another execution for newer notices",
    State.LEASE_LOST: "ends, because another execution has taken the lease over",
    State.UNKNOWN_MODE: "ends, because the mode is unknown",
    State.FAILED: "ends as failed",
    State.DONE: "done",
}
"""State of the state machine → what the execution does in it."""

SILENT_STATES: frozenset[str] = frozenset(
    {
        State.UPDATE_BY_DEFAULT,
        State.BEGIN,
        State.BEGIN_GATHERED,
        State.BEGIN_SUCCESSOR,
        State.IS_HELD,
        State.HOLDER_RUNS,
        State.REMEMBER_HOLDER,
        State.NAME_RUN,
        State.HOW_MANY_EXECUTORS,
        State.ONE_EXECUTOR,
        State.SOME_EXECUTORS,
        State.ALL_EXECUTORS,
        State.WHAT_TO_NOTE,
        State.TRY_AGAIN,
        State.WHY_HELD,
        State.STILL_WAITS,
        State.MORE_ROUNDS,
        State.NOTICES_MEANWHILE,
    }
)
"""States that only choose the next state; the commands do not show them."""

WAITING_STATES: frozenset[str] = frozenset(
    {State.ACQUIRE, State.READ_HOLDER, State.DESCRIBE_HOLDER, State.QUEUE_UP, State.WAIT_FOR_TURN}
)
"""States that an execution enters again and again until it gets the lease."""

ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}


TASK_FAILED = "States.TaskFailed"
"""Error of Step Functions for any failure of a task."""


def phrase_for(state: str) -> str:
    """Say what an execution does in a state; a state of a later version goes by its name."""
    return STATE_PHRASES.get(state, state)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an execution has ended: its final status, and what AWS says about a failure."""

    status: str
    error: str | None = None
    cause: str | None = None

    @property
    def reason(self) -> str:
        """Error and cause on one line, without an error that only says that there is a cause."""
        cause = readable_cause(self.cause or "")
        error = None if self.error == TASK_FAILED and cause else self.error
        return ": ".join(filter(None, (error, cause))) or self.status.lower()


def events_after(stepfunctions: "SFNClient", execution: str, event_id: int = 0) -> "list[HistoryEventTypeDef]":
    """Return the events of an execution after a given event, oldest first."""
    # Newest first: while a command follows a long run, it must not read the whole history every few seconds.
    new = takewhile(lambda event: event["id"] > event_id, _newest_first(stepfunctions, execution))
    return list(reversed(list(new)))


def current_state(stepfunctions: "SFNClient", execution: str) -> str | None:
    """Return the last state that an execution has entered, without the silent ones."""
    states = map(entered_state, _newest_first(stepfunctions, execution))
    return next((state for state in states if state and state not in SILENT_STATES), None)


def _newest_first(stepfunctions: "SFNClient", execution: str) -> "Iterator[HistoryEventTypeDef]":
    paginator = stepfunctions.get_paginator("get_execution_history")
    for page in paginator.paginate(executionArn=execution, reverseOrder=True):
        # A local AWS may ignore reverseOrder; it answers with a single page.
        yield from sorted(page["events"], key=lambda event: event["id"], reverse=True)


def entered_state(event: "HistoryEventTypeDef") -> str | None:
    """Return the state that the execution enters with an event; `None` for other events."""
    return event.get("stateEnteredEventDetails", {}).get("name")


def named_run(event: "HistoryEventTypeDef") -> str | None:
    """Return the id of the run in the input of the state that the execution enters, if there is one."""
    run_id = fields_of(event.get("stateEnteredEventDetails", {}).get("input", "")).get(Field.RUN_ID)
    return run_id if isinstance(run_id, str) else None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job run, and the application that runs it; a deployment may have replaced the application since then."""

    application_id: str
    job_run_id: str


def submitted_job(event: "HistoryEventTypeDef") -> Job | None:
    """Return the job run that the execution submits with an event; `None` for other events."""
    answer = fields_of(event.get("taskSubmittedEventDetails", {}).get("output", ""))
    # The names begin with a capital letter in answers of Step Functions, and with a small one in answers of EMR.
    fields = {name.lower(): value for name, value in answer.items()}
    if "jobrunid" not in fields or "applicationid" not in fields:
        return None
    return Job(application_id=fields["applicationid"], job_run_id=fields["jobrunid"])


@dataclass(frozen=True, kw_only=True)
class CurrentRun:
    """The run that an execution has begun last, and when."""

    run_id: str
    began: datetime


def current_run(stepfunctions: "SFNClient", execution: str) -> CurrentRun | None:
    """Return the last run of an execution; `None` if it has not begun any."""
    found: CurrentRun | None = None
    for event in _newest_first(stepfunctions, execution):
        run_id = named_run(event)
        if found and run_id != found.run_id and entered_state(event):
            break
        if run_id:
            found = CurrentRun(run_id=run_id, began=event["timestamp"])
    return found


def task_failed(event: "HistoryEventTypeDef") -> bool:
    """Whether the event is the failure of a task, which the state machine may try again."""
    return event["type"] in {"TaskFailed", "TaskTimedOut"}


def task_has_ended(event: "HistoryEventTypeDef") -> bool:
    """Whether the event is the end of a task, with or without success."""
    return task_failed(event) or event["type"] == "TaskSucceeded"


def ending(events: "Iterable[HistoryEventTypeDef]") -> Ending | None:
    """Return how an execution has ended; `None` if it has not."""
    for event in events:
        if event["type"] in ENDS:
            details: Any = (
                event.get("executionFailedEventDetails")
                or event.get("executionAbortedEventDetails")
                or event.get("executionTimedOutEventDetails")
                or {}
            )
            return Ending(status=ENDS[event["type"]], error=details.get("error"), cause=details.get("cause"))
    return None


def mode_of(execution_input: str) -> str:
    """Return the mode that the input of an execution asks for."""
    return str(fields_of(execution_input).get(Field.MODE, RunRequest().mode))
