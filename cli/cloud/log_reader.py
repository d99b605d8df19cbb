"""Reading of logs: the entries of the driver, the executors, the functions and the workflow, merged by time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.cloud.causes import readable_cause
from cli.cloud.environment import Deployment
from cli.cloud.history import SILENT_STATES, TASK_FAILED, ending, entered_state, events_after, phrase_for
from cli.cloud.log_entries import Joiner, LogEntry, LogLine, Severity
from cli.cloud.log_groups import WORKFLOW, LogGroups, log_groups_of, source_of, stream_prefixes
from cli.cloud.logged_run import AFTER, BEFORE, LoggedRun
from contract.environments import Output
from contract.workflow import BillNotReadyError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

LATE = timedelta(minutes=5)
"""Time for which CloudWatch may deliver a line later than others."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a log group: the streams of a prefix, in a time that has an end or not."""

    group: str
    prefix: str
    begins: datetime
    ends: datetime | None
    source: str | None
    """`None` for the streams of a job, whose names say it."""


class LogReader:
    """Reads the entries of sections, and at each further call those that are new."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._seen: set[str] = set()
        self._last: dict[Section, datetime] = {}
        self._joiners: dict[tuple[str, str], Joiner] = {}

    def new_entries(self, sections: Iterable[Section], *, is_last: bool) -> list[LogEntry]:
        """Return the new entries of sections in the order of time.

        Parameters
        ----------
        is_last
            Whether no further call follows, so that the last entry of each stream is complete.
        """
        streams: dict[tuple[str, str], list[LogLine]] = {}
        for section in sections:
            for line in self._new_lines(section):
                streams.setdefault((section.group, line.stream), []).append(line)
        entries: list[LogEntry] = []
        for key in {**self._joiners, **streams}:
            joiner = self._joiners.setdefault(key, Joiner())
            entries += joiner.feed(streams.get(key, ()))
            if is_last or key not in streams:
                entries += joiner.flush()
        return sorted(entries, key=attrgetter("at"))

    def _new_lines(self, section: Section) -> Iterator[LogLine]:
        begins = max(section.begins, self._last.get(section, section.begins) - LATE)
        options = {"endTime": _milliseconds(section.ends)} if section.ends else {}
        if section.prefix:
            options["logStreamNamePrefix"] = section.prefix  # type: ignore[assignment] # options of both types
        pages = self._deployment.logs.get_paginator("filter_log_events").paginate(
            logGroupName=section.group, startTime=_milliseconds(begins), **options
        )
        try:
            for page in pages:
                for event in page["events"]:
                    # A local AWS may ignore the prefix.
                    if event["eventId"] not in self._seen and event["logStreamName"].startswith(section.prefix):
                        self._seen.add(event["eventId"])
                        yield self._line(section, event["timestamp"], event["logStreamName"], event["message"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":  # a user may have deleted the group
                raise

    def _line(self, section: Section, timestamp: int, stream: str, text: str) -> LogLine:
        at = datetime.fromtimestamp(timestamp / 1000, UTC)
        self._last[section] = max(at, self._last.get(section, at))
        return LogLine(at=at, source=section.source or source_of(stream), stream=stream, text=text)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def sections_of(run: LoggedRun, groups: LogGroups) -> Iterator[Section]:
    """Return the parts of log groups that are about a run."""
    begins, ends = run.begins - BEFORE, run.ends + AFTER if run.ends else None
    for source, group in groups.functions.items():
        yield Section(group=group, prefix="", begins=begins, ends=ends, source=source)
    for job in run.jobs if groups.jobs else ():
        for prefix in stream_prefixes(job):
            # The log of a job belongs to it at any time: it may arrive late.
            yield Section(group=str(groups.jobs), prefix=prefix, begins=begins, ends=None, source=None)


def entries_about(deployment: Deployment, run: LoggedRun) -> list[LogEntry]:
    """Return all entries about a run, in the order of time."""
    found = LogReader(deployment).new_entries(sections_of(run, log_groups_of(deployment)), is_last=True)
    return merged(found, step_entries(run.steps))


def entries_since(deployment: Deployment, begins: datetime) -> list[LogEntry]:
    """Return all entries since a time, of all runs and executions."""
    groups = log_groups_of(deployment)
    sections = [
        Section(group=group, prefix="", begins=begins, ends=None, source=source)
        for source, group in groups.functions.items()
    ]
    if groups.jobs:
        sections.append(Section(group=groups.jobs, prefix="", begins=begins, ends=None, source=None))
    found = LogReader(deployment).new_entries(sections, is_last=True)
    return merged(found, _steps_since(deployment, begins))


def _steps_since(deployment: Deployment, begins: datetime) -> list[LogEntry]:
    machine, steps = deployment.resource(Output.STATE_MACHINE), list[LogEntry]()
    pages = deployment.stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=machine)
    for page in pages:
        for execution in page["executions"]:
            if execution.get("stopDate", datetime.now(UTC)) >= begins:
                events = events_after(deployment.stepfunctions, execution["executionArn"])
                steps += step_entries(event for event in events if event["timestamp"] >= begins)
            elif execution["startDate"] < begins - _LONGEST_EXECUTION:
                return steps
    return steps


_LONGEST_EXECUTION = timedelta(days=2)
"""Executions are listed by their start, newest first: those that began earlier have ended."""


def merged(*parts: Iterable[LogEntry]) -> list[LogEntry]:
    """Merge entries by time."""
    return sorted((entry for part in parts for entry in part), key=attrgetter("at"))


def step_entries(events: "Iterable[HistoryEventTypeDef]") -> Iterator[LogEntry]:
    """Describe the events of an execution as log entries."""
    for event in events:
        at = event["timestamp"].astimezone(UTC)
        if (state := entered_state(event)) and state not in SILENT_STATES:
            yield LogEntry(at=at, source=WORKFLOW, severity=Severity.INFO, text=phrase_for(state))
        failure = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails")
        if failure:
            error, cause = failure.get("error", ""), readable_cause(failure.get("cause", ""))
            severity = Severity.NOISE if error == BillNotReadyError.__name__ else Severity.WARNING
            why = cause if error == TASK_FAILED and cause else f"{error}: {cause}"
            yield LogEntry(at=at, source=WORKFLOW, severity=severity, text=f"a task failed: {why}")
        ended = ending([event])
        if ended and ended.status != "SUCCEEDED":
            text = f"the execution ended as {ended.status}: {ended.reason}"
            yield LogEntry(at=at, source=WORKFLOW, severity=Severity.ERROR, text=text)
