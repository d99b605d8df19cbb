"""What a job says: delivered to CloudWatch Logs under its role, and boiled down to a reason where it failed."""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localaws.account import LocalAwsError

DEFAULT_GROUP = "/aws/emr-serverless"

STREAMS = ("stdout", "stderr")

BATCH_EVENTS, BATCH_CHARACTERS, LINE_CHARACTERS = 5_000, 200_000, 60_000
"""Well below what PutLogEvents takes: 10,000 events and 1 MB in a batch, 256 KB in an event."""

LAST_LINES = 3

_LOG_LINE = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (TRACE|DEBUG|INFO|WARN) ")
_STACK_LINE = re.compile(r"\s+(at |\.\.\. \d+ more)|\s+File \"|Traceback \(most recent")


def group_of(monitoring: Mapping[str, Any] | None) -> str | None:
    """Read where an application's jobs log to.

    Returns
    -------
    str or None
        A log group; None if the application does not log to CloudWatch.

    Raises
    ------
    LocalAwsError
        If the configuration asks for what is not done here.
    """
    if not monitoring:
        return None
    if others := set(monitoring) - {"cloudWatchLoggingConfiguration"}:
        raise LocalAwsError(f"Jobs log to CloudWatch only here, not by {sorted(others)}.")
    logging = monitoring["cloudWatchLoggingConfiguration"]
    if others := set(logging) - {"enabled", "logGroupName"}:
        raise LocalAwsError(f"The setting {sorted(others)} of logs in CloudWatch is not known here.")
    return logging.get("logGroupName", DEFAULT_GROUP) if logging["enabled"] else None


def stream_name(application_id: str, job_id: str, stream: str) -> str:
    """Name a stream of the driver as EMR Serverless does."""
    return f"applications/{application_id}/jobs/{job_id}/SPARK_DRIVER/{stream}"


def open_stream(logs: Any, group: str, name: str) -> None:  # noqa: ANN401 -- boto3's client
    """Make a stream, with the calls that EMR Serverless makes.

    Raises
    ------
    LocalAwsError
        If the group is not there, or the role may not make streams.
    """
    try:
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if group not in {one["logGroupName"] for one in found}:
            raise LocalAwsError(f"There is no log group {group}.")
        if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]:
            logs.create_log_stream(logGroupName=group, logStreamName=name)
    except ClientError as error:
        raise LocalAwsError(f"The log group {group} can't be used: {error}") from error


def deliver(logs: Any, group: str, name: str, file: Path) -> None:  # noqa: ANN401 -- as above
    """Put the lines of a file into a stream.

    Raises
    ------
    LocalAwsError
        If the role may not.
    """
    now = int(time.time() * 1000)
    try:
        for batch in _batches(file.read_text(errors="replace").splitlines()):
            events = [{"timestamp": now, "message": line} for line in batch]
            logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=events)
    except ClientError as error:
        raise LocalAwsError(f"The log group {group} can't be written: {error}") from error


def _batches(lines: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for line in lines:
        event = line[:LINE_CHARACTERS] or " "  # an event may not be empty
        if batch and (len(batch) == BATCH_EVENTS or size + len(event) > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event)
    if batch:
        yield batch


def reason(exit_code: int, stderr: str) -> str:
    """Say why a job failed, in the words of EMR Serverless."""
    lines = [line for line in stderr.splitlines() if line.strip() and not _is_noise(line)]
    last = "; ".join(lines[-LAST_LINES:]) or "none"
    return (
        "Job failed, please check complete logs in configured logging destination. "
        f"ExitCode: {exit_code}. Last few exceptions: {last}"
    )


def _is_noise(line: str) -> bool:
    return bool(_LOG_LINE.match(line) or _STACK_LINE.match(line))
