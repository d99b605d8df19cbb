"""What the causes of failures mean, in words: AWS wraps them in documents and in phrases of its own."""

import json
import re
from typing import Any

LONGEST_CAUSE = 500
"""Number of characters at which a cause is cut, because AWS puts whole documents there."""

KILLED, TERMINATED = {137, -9}, {143, -15}
"""Exit codes of a process that was killed, or asked to end: of a shell, and of Python."""

HARMLESS = re.compile(
    r"WARNING: Using incubator modules|Using Spark's default log4j profile|SLF4J: |WARNING: An illegal reflective"
    r"|Setting default log level|To adjust logging level|(.* )?NativeCodeLoader: Unable to load native"
    r"|(.* )?SparkConf: Note that spark.local.dir will be overridden|(.* )?FileStreamSink: Assume no metadata directory"
)
"""Lines that every Spark job writes."""

_ERROR = re.compile(r"Error\b|Exception\b|fruits: |Caused by|[Dd]enied|[Kk]illed|[Ff]ailed")
"""What an exception contains; among the last lines of a job are parts of other messages, too."""

_EMR_REASON = re.compile(
    r"Job failed, please check complete logs in configured logging destination\. "
    r"ExitCode: (-?\d+)\. Last few exceptions: (.*)",
    re.DOTALL,
)


def readable_cause(cause: str) -> str:
    """Return the readable part of a cause, which may be a JSON document about a job or about an error of a function."""
    fields = {name.lower(): value for name, value in fields_of(cause).items()}
    text = next((fields[name] for name in ("statedetails", "errormessage", "reason") if fields.get(name)), cause)
    line = " ".join(str(text).split())
    if match := _EMR_REASON.fullmatch(line):
        line = _end_of_job(int(match[1]), match[2])
    return line if len(line) <= LONGEST_CAUSE else f"{line[:LONGEST_CAUSE]} ..."


def fields_of(text: str) -> dict[str, Any]:
    """Return the fields of a JSON object; none for any other text."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _end_of_job(exit_code: int, exceptions: str) -> str:
    """Say how a job has ended that did not report its failure itself."""
    if exit_code in KILLED:
        end = f"The job was killed (exit code {exit_code}), for example because its driver had too little memory."
    elif exit_code in TERMINATED:
        end = f"The job was asked to end (exit code {exit_code}): a user, or AWS, has stopped it."
    else:
        end = f"The job ended with exit code {exit_code}."
    told = [text for text in exceptions.split("; ") if _ERROR.search(text) and not HARMLESS.match(text)]
    return f"{end} Its last messages: {'; '.join(told)}" if told else end
