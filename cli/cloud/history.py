"""What an execution of the workflow has done so far, read from its history, in words a person understands."""

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from contract.workflow import RunRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

JOINED = "Joined"

STATES = {
    "CheckRequest": "looks at what is asked for",
    "Acquire": "asks for its turn: there is one run at a time",
    "ReadHolder": "another one has the turn: looks which",
    "DescribeHolder": "looks whether that one is still running",
    "TakeOver": "that one is over: takes its place",
    "QueueUp": "lines up behind the run that is going on",
    "WaitForTurn": "waits for its turn",
    JOINED: "leaves the images to the run that is going on",
    "PlanRound": "prepares the run",
    "RunJob": "runs the Spark job",
    "RecordRun": "records what the run took and cost",
    "RecordFailure": "the job has failed: records what it took and cost",
    "NextAttempt": "tries again",
    "NoteProcessed": "notes which notices are worked through",
    "Release": "gives the turn back",
    "ReadItem": "can't yet: looks whether images have come, or another run waits",
    "DescribeWaiting": "another run waits: looks whether it still does",
    "HandOver": "gives the turn to the run that waits",
    "ForgetWaiting": "nobody waits any more",
    "NextRound": "images have come meanwhile: goes round again",
    "LetGo": "gives the turn back after many rounds",
    "StartSuccessor": "starts a run for images that have come meanwhile",
    "ReleaseAfterFailure": "the run has failed: gives the turn back",
    "StartSuccessorOfFailed": "starts a run for images that have come meanwhile",
    "LeaseLost": "ends: another one has taken its turn",
    "UnknownMode": "ends: there is no such mode",
    "Failed": "ends as failed",
    "Done": "done",
}
"""States of the workflow, in words."""

QUIET = frozenset(
    {
        "UpdateByDefault",
        "Begin",
        "IsHeld",
        "HolderRuns",
        "NameRun",
        "WhatToNote",
        "TryAgain",
        "WhyHeld",
        "StillWaits",
        "MoreRounds",
        "NoticesMeanwhile",
    }
)
"""States that only decide where to go on: nothing to tell."""

WAITING = frozenset({"Acquire", "ReadHolder", "DescribeHolder", "QueueUp", "WaitForTurn"})
"""States that are entered again and again until it is this execution's turn."""

ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}

LONG = 500
"""Characters of a cause that are shown: AWS puts whole documents there."""


def in_words(state: str) -> str:
    """Say what the workflow does in a state; one that is not known here goes by its name."""
    return STATES.get(state, state)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an execution has ended.

    Attributes
    ----------
    status
        ``SUCCEEDED``, ``FAILED``, ``ABORTED`` or ``TIMED_OUT``.
    at
        When.
    error, cause
        Why, if it didn't succeed and somebody knows.
    """

    status: str
    at: datetime
    error: str | None = None
    cause: str | None = None

    @property
    def reason(self) -> str:
        """Error and cause on one line."""
        return ": ".join(filter(None, (self.error, cause_in_words(self.cause or "")))) or self.status.lower()


def events_after(stepfunctions: "SFNClient", execution: str, event_id: int = 0) -> "list[HistoryEventTypeDef]":
    """Read what has happened since an event, oldest first."""
    # From the end: the history of a long run is not read again every few seconds.
    new = takewhile(lambda event: event["id"] > event_id, _newest_first(stepfunctions, execution))
    return list(reversed(list(new)))


def current_state(stepfunctions: "SFNClient", execution: str) -> str | None:
    """Name the state that an execution has entered last, of those that there is something to tell of."""
    states = map(entered_state, _newest_first(stepfunctions, execution))
    return next((state for state in states if state and state not in QUIET), None)


def _newest_first(stepfunctions: "SFNClient", execution: str) -> "Iterator[HistoryEventTypeDef]":
    paginator = stepfunctions.get_paginator("get_execution_history")
    for page in paginator.paginate(executionArn=execution, reverseOrder=True):
        # A local AWS may not know reverseOrder, and has one page.
        yield from sorted(page["events"], key=lambda event: event["id"], reverse=True)


def entered_state(event: "HistoryEventTypeDef") -> str | None:
    """Name the state that was entered, if the event is that."""
    return event.get("stateEnteredEventDetails", {}).get("name")


def named_run(event: "HistoryEventTypeDef") -> str | None:
    """Find the id of the run in what a state was given."""
    run_id = _fields(event.get("stateEnteredEventDetails", {}).get("input", "")).get("run_id")
    return run_id if isinstance(run_id, str) else None


def submitted_job(event: "HistoryEventTypeDef") -> str | None:
    """Name the job run that was submitted to EMR Serverless, if the event is that."""
    answer = _fields(event.get("taskSubmittedEventDetails", {}).get("output", ""))
    # Step Functions writes names with a capital, EMR itself doesn't.
    return {name.lower(): value for name, value in answer.items()}.get("jobrunid")


def task_failed(event: "HistoryEventTypeDef") -> bool:
    """Whether the event says that what a state has waited for has failed; it may be tried again."""
    return event["type"] in {"TaskFailed", "TaskTimedOut"}


def task_is_over(event: "HistoryEventTypeDef") -> bool:
    """Whether the event says that what a state has waited for has ended, well or not."""
    return task_failed(event) or event["type"] == "TaskSucceeded"


def ending(events: "Iterable[HistoryEventTypeDef]") -> Ending | None:
    """Find out how an execution has ended; None if it hasn't."""
    for event in events:
        if event["type"] in ENDS:
            details: Any = (
                event.get("executionFailedEventDetails")
                or event.get("executionAbortedEventDetails")
                or event.get("executionTimedOutEventDetails")
                or {}
            )
            return Ending(
                status=ENDS[event["type"]],
                at=event["timestamp"],
                error=details.get("error"),
                cause=details.get("cause"),
            )
    return None


def cause_in_words(cause: str) -> str:
    """Find what a person can read in the cause of a failure.

    Parameters
    ----------
    cause
        A sentence, or the description of a job or of an error of a function as JSON.
    """
    fields = {name.lower(): value for name, value in _fields(cause).items()}
    told = next((fields[name] for name in ("statedetails", "errormessage", "reason") if fields.get(name)), cause)
    line = " ".join(str(told).split())
    return line if len(line) <= LONG else f"{line[:LONG]} ..."


def mode_of(execution_input: str) -> str:
    """Read from the input of an execution which mode was asked for."""
    return str(_fields(execution_input).get("mode", RunRequest().mode))


def _fields(text: str) -> dict[str, Any]:
    """Read a JSON object; anything else has no fields."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
