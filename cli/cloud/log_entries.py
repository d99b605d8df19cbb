"""Entries of logs: lines of one origin, with a severity; the lines of a stack trace stay together."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum

from cli.cloud.causes import HARMLESS
from contract.workflow import BillNotReadyError


class Severity(IntEnum):
    """How serious an entry is, in ascending order."""

    NOISE = 0
    """What Spark, Lambda and the libraries report about themselves."""
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, kw_only=True, order=True)
class LogLine:
    """An event of CloudWatch Logs.

    Attributes
    ----------
    at
        Time of the event.
    source
        The part of the pipeline that has written it, such as ``driver``.
    stream
        Name of the log stream.
    text
        Text, which may consist of several lines.
    """

    at: datetime
    source: str
    stream: str
    text: str


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """What one part of the pipeline reports at one time.

    Attributes
    ----------
    at, source
        Time of the report, and the part of the pipeline that reports.
    severity
        How serious the report is.
    text
        First line of the report, without time and level.
    more
        Other lines of the report, such as a stack trace.
    """

    at: datetime
    source: str
    severity: Severity
    text: str
    more: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """All lines."""
        return (self.text, *self.more)

    @property
    def gist(self) -> str:
        """The line that says most about a failure: the innermost cause of a stack trace, otherwise the first line."""
        causes = [line for line in self.more if _CAUSE.match(line)]
        last = self.more[-1] if self.more and self.text.startswith(_PYTHON_TRACE) else self.text
        return (causes[-1] if causes else last).strip()


LEVELS = {
    "TRACE": Severity.NOISE,
    "DEBUG": Severity.NOISE,
    "INFO": Severity.INFO,
    "WARN": Severity.WARNING,
    "WARNING": Severity.WARNING,
    "ERROR": Severity.ERROR,
    "CRITICAL": Severity.ERROR,
    "FATAL": Severity.ERROR,
}
"""Level as Log4j or Python names it → severity."""

_USUAL_FIELDS = {
    *("level", "log_level", "message", "errorMessage", "exception", "stackTrace", "stack_trace", "location"),
    *("timestamp", "service", "cold_start", "function_name", "function_memory_size", "function_arn"),
    *("function_request_id", "xray_trace_id", "requestId"),
}
"""Fields that every entry of a function has, or that are shown in another way."""

_LONGEST_DELAY = 1500
"""Seconds between a line and its delivery."""

_PYTHON_TRACE = "Traceback (most recent call last)"
_LOG4J = re.compile(r"(\d\d/\d\d/\d\d \d\d:\d\d:\d\d) (TRACE|DEBUG|INFO|WARN|ERROR|FATAL) (.*)", re.DOTALL)
_LAMBDA = re.compile(r"(START|END|REPORT|INIT_START|EXTENSION|XRAY) ")
_LAMBDA_ERROR = re.compile(r"\[(ERROR|WARNING|CRITICAL)\]\s+(?:\S+Z\s+)?(?:[0-9a-f-]{36}\s+)?(.*)", re.DOTALL)
_CONTINUED = re.compile(r"\s|Caused by: |Suppressed: |Driver stacktrace:|The above exception|During handling of")
_PYTHON_ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning)?(:|$)")
_CAUSE = re.compile(r"\s*Caused by: ")
_FAILURE_OF_PROGRAM = re.compile(r"fruits: |Exception in thread |Traceback \(most recent call last\)")
_FAILURE = re.compile(rf"{_FAILURE_OF_PROGRAM.pattern}|.* Task timed out after |[\w.$]+(Error|Exception): ")


class Joiner:
    """Joins the lines of one log stream, which arrive in parts, to entries."""

    def __init__(self) -> None:
        self._current: LogEntry | None = None
        self._is_log4j = False

    def feed(self, lines: Iterable[LogLine]) -> Iterator[LogEntry]:
        """Take lines in their order, and yield the entries that no later line can continue."""
        for event in lines:
            for text in event.text.splitlines() or [""]:
                if self._current and self._continues(self._current, event.stream, text):
                    self._current = replace(self._current, more=(*self._current.more, text))
                    continue
                yield from self.flush()
                self._current = _first(replace(event, text=text)) if text.strip() else None
                self._is_log4j = _LOG4J.match(text) is not None

    def flush(self) -> Iterator[LogEntry]:
        """Yield the last entry, if there is one."""
        if self._current:
            yield self._current
        self._current = None

    def _continues(self, entry: LogEntry, stream: str, text: str) -> bool:
        """Whether a line belongs to the entry before it."""
        if _LOG4J.match(text) or stream.endswith("/stdout"):
            return False
        if self._is_log4j and not _FAILURE_OF_PROGRAM.match(text):
            return bool(text.strip())  # a message of several lines, or the exception of a warning
        if _CONTINUED.match(text) and text.strip():
            return True
        # The last line of a Python traceback is not indented.
        is_traceback = any(line.startswith(_PYTHON_TRACE) for line in entry.lines)
        return is_traceback and entry.lines[-1].startswith(" ") and bool(_PYTHON_ERROR.match(text))


def _first(line: LogLine) -> LogEntry:
    if match := _LOG4J.match(line.text):
        moment, level, text = match.groups()
        # Spark's INFO messages are about Spark.
        severity = Severity.NOISE if level == "INFO" or HARMLESS.match(text) else LEVELS[level]
        return LogEntry(at=_own_time(moment, line.at), source=line.source, severity=severity, text=text)
    if line.text.startswith("{") and (entry := _of_json(line)):
        return entry
    if match := _LAMBDA_ERROR.match(line.text):
        # The state machine asks again until AWS knows the cost of a job: this error is no failure.
        severity = Severity.NOISE if match[2].startswith(BillNotReadyError.__name__) else LEVELS[match[1]]
        return LogEntry(at=line.at, source=line.source, severity=severity, text=match[2])
    return LogEntry(at=line.at, source=line.source, severity=_severity_of(line.text), text=line.text)


def _severity_of(text: str) -> Severity:
    if _LAMBDA.match(text) or HARMLESS.match(text):
        return Severity.NOISE
    return Severity.ERROR if _FAILURE.match(text) else Severity.INFO


def _of_json(line: LogLine) -> LogEntry | None:
    """Read an entry of a function's logger, which is a JSON object."""
    try:
        document = json.loads(line.text)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    if "_aws" in document:  # metric values, which the same line also reports to CloudWatch
        return LogEntry(at=line.at, source=line.source, severity=Severity.NOISE, text=line.text)
    severity = LEVELS.get(str(document.get("level") or document.get("log_level")), Severity.INFO)
    message = document.get("message") or document.get("errorMessage") or line.text
    details = [f"{name}={value}" for name, value in document.items() if name not in _USUAL_FIELDS]
    more = [row for name in ("exception", "stackTrace") for row in _rows(document.get(name))]
    if document.get("errorMessage") and "level" not in document:
        severity = Severity.ERROR
    text = " ".join([message if isinstance(message, str) else json.dumps(message), *details])
    return LogEntry(at=line.at, source=line.source, severity=severity, text=text, more=tuple(more))


def _rows(trace: object) -> list[str]:
    if isinstance(trace, str):
        return trace.splitlines()
    return [row for part in trace for row in str(part).splitlines()] if isinstance(trace, list) else []


def _own_time(moment: str, delivered: datetime) -> datetime:
    """Return the time that a line names, if it is credible.

    EMR Serverless writes times in UTC, and delivers within minutes. A local AWS writes the time of its own time zone,
    which differs from UTC by half an hour at least, and delivers all lines at the end of a job.
    """
    named = datetime.strptime(moment, "%y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    return named if 0 <= (delivered - named).total_seconds() < _LONGEST_DELAY else delivered
