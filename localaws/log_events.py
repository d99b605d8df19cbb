"""Lines on their way to CloudWatch Logs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

EVENTS, BYTES, OVERHEAD = 10_000, 1_048_576, 26
"""Limits of one PutLogEvents: events, their bytes, and the bytes that each event counts beyond its text."""


@dataclass(frozen=True)
class LogLine:
    """A line of a log.

    Attributes
    ----------
    at
        Milliseconds since 1970.
    text
        Text of the event; it must not be empty.
    """

    at: int
    text: str


def put_lines(logs: Any, group: str, stream: str, lines: Sequence[LogLine]) -> None:  # noqa: ANN401 -- boto3's client
    """Write lines into a stream that exists.

    Raises
    ------
    ClientError
        If the role of the client may not write them.
    """
    for part in parts_of(lines):
        events = [{"timestamp": line.at, "message": line.text} for line in part]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def parts_of(lines: Sequence[LogLine]) -> Iterator[list[LogLine]]:
    """Split lines into parts that one PutLogEvents accepts."""
    part: list[LogLine] = []
    size = 0
    for line in lines:
        more = len(line.text.encode()) + OVERHEAD
        if part and (len(part) == EVENTS or size + more > BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += more
    if part:
        yield part
