"""The cause of a failure of Spark, in one line."""

import re

from py4j.protocol import Py4JNetworkError

ADVICE = ". Consider setting "
"""Beginning of the advice that Spark adds to the message of a worker that has died."""


def cause_of(error: Exception) -> str:
    """Return the most telling line of an error: the innermost exception that a trace of Java or of a worker names."""
    if isinstance(error, Py4JNetworkError | ConnectionError):
        return "Spark's JVM was killed, perhaps because the memory of this machine is used up. Run again to go on."
    text = str(error).strip()
    named = re.findall(r"^\s*(?:: |Caused by: )?([\w.$]+(?:Error|Exception): .+)", text, re.MULTILINE)
    line: str = named[-1] if named else (text.splitlines() or [type(error).__name__])[0]
    return line.partition(ADVICE)[0]
