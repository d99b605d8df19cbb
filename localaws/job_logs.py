"""The logs of jobs: their delivery to CloudWatch Logs under the job's role, and the reason of a failure in them."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localaws.account import LocalAwsError, refuse_unknown
from localaws.logs import LogLine, put_lines

DEFAULT_GROUP = "/aws/emr-serverless"

STREAMS = ("stdout", "stderr")

WORKERS = frozenset({"SPARK_DRIVER", "SPARK_EXECUTOR"})

DEFAULT_TYPES = {"SPARK_DRIVER": ["STDOUT", "STDERR"]}
"""Logs that EMR Serverless writes to CloudWatch by default: those of the driver only."""

LINE_CHARACTERS = 60_000
"""Longer lines are cut: an event of CloudWatch Logs has at most 256 KB, and a character at most 4 bytes."""

LAST_LINES = 3

_LOG_LINE = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (TRACE|DEBUG|INFO|WARN) ")
_STACK_LINE = re.compile(r"\s+(at |\.\.\. \d+ more)|\s+File \"|Traceback \(most recent")


def group_of(monitoring: Mapping[str, Any] | None) -> str | None:
    """Return the log group of an application's jobs, or `None` if they do not log to CloudWatch.

    Raises
    ------
    LocalAwsError
        If the configuration has a setting that is not known here.
    """
    if not monitoring:
        return None
    managed = "managedPersistenceMonitoringConfiguration"  # AWS's own copy of the logs; there is none here
    refuse_unknown(monitoring, {"cloudWatchLoggingConfiguration", managed}, "the logs of jobs")
    refuse_unknown(monitoring.get(managed, {}), {"enabled"}, "the logs of jobs that EMR Serverless keeps")
    logging = monitoring.get("cloudWatchLoggingConfiguration", {"enabled": False})
    refuse_unknown(logging, {"enabled", "logGroupName", "logTypes"}, "logs in CloudWatch")
    for worker, streams in logging.get("logTypes", {}).items():
        refuse_unknown({worker}, WORKERS, "workers that have logs")
        refuse_unknown(streams, {stream.upper() for stream in STREAMS}, f"the logs of {worker}")
    return logging.get("logGroupName", DEFAULT_GROUP) if logging["enabled"] else None


def driver_streams(monitoring: Mapping[str, Any] | None) -> list[str]:
    """Return the streams of the driver that are written to CloudWatch; there are no other workers here."""
    logging = (monitoring or {}).get("cloudWatchLoggingConfiguration", {})
    wanted = logging.get("logTypes", DEFAULT_TYPES).get("SPARK_DRIVER", ())
    return [stream for stream in STREAMS if stream.upper() in wanted]


def stream_name(application_id: str, job_id: str, stream: str) -> str:
    """Return the name that EMR Serverless gives to a log stream of the driver."""
    return f"applications/{application_id}/jobs/{job_id}/SPARK_DRIVER/{stream}"


def open_stream(logs: Any, group: str, name: str) -> None:  # noqa: ANN401 -- boto3's client
    """Create a log stream with the calls that EMR Serverless makes.

    Raises
    ------
    LocalAwsError
        If the group does not exist, or the role may not create streams.
    """
    try:
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if group not in {one["logGroupName"] for one in found}:
            raise LocalAwsError(f"There is no log group {group}.")
        if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]:
            logs.create_log_stream(logGroupName=group, logStreamName=name)
    except ClientError as error:
        raise LocalAwsError(f"The log group {group} can't be used: {error}") from error


def deliver(logs: Any, group: str, name: str, file: Path) -> None:  # noqa: ANN401 -- boto3's client
    """Write the lines of a file into a log stream.

    Raises
    ------
    LocalAwsError
        If the role may not write them.
    """
    try:
        put_lines(logs, group, name, lines_of(file.read_text(errors="replace")))
    except ClientError as error:
        raise LocalAwsError(f"The log group {group} can't be written: {error}") from error


def lines_of(text: str) -> list[LogLine]:
    """Split the output of a job into lines; an empty line becomes a blank, as an event must not be empty."""
    now = int(time.time() * 1000)
    return [LogLine(now, line[:LINE_CHARACTERS] or " ") for line in text.splitlines()]


def failure_reason(exit_code: int, stderr: str) -> str:
    """Return the reason that EMR Serverless gives for a failed job."""
    lines = [line for line in stderr.splitlines() if line.strip() and not _is_noise(line)]
    last = "; ".join(lines[-LAST_LINES:]) or "none"
    return (
        "Job failed, please check complete logs in configured logging destination. "
        f"ExitCode: {exit_code}. Last few exceptions: {last}"
    )


def _is_noise(line: str) -> bool:
    return bool(_LOG_LINE.match(line) or _STACK_LINE.match(line))
