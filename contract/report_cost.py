"""The cost of a run in its report. The job writes the report before AWS knows the cost; `record_run` adds it later."""

import re

_BEGIN, _END = '<div class="tile" id="cost">', "</div>"

COST_PLACE = _BEGIN + _END
"""Element of the report that takes the cost. Reports of runs without a known cost leave it empty and invisible."""

LEAST = 0.001
"""The least cost in US dollars that the report shows as a number."""

FILLED = re.compile(f"({_BEGIN})(?:<b>[^<>]*</b><span>[^<>]*</span>)?({_END})".encode())
"""The element, with or without a cost. Text of users never matches, because its quotes and brackets are escaped."""


def with_cost(report: bytes, usd: float) -> bytes:
    """Return a report that shows what the job of its run has cost.

    Parameters
    ----------
    report
        An HTML document in UTF-8. Without a place for the cost, as in reports of earlier versions, it stays as it is.
    usd
        Cost in US dollars. It replaces the cost that the report shows.
    """
    amount = f"{usd:,.3f}" if usd >= LEAST else f"less than {LEAST}"
    text = f"<b>{amount} USD</b><span>for the job of this run</span>".encode()
    return FILLED.sub(rb"\g<1>" + text + rb"\g<2>", report)


def has_cost(report: bytes) -> bool:
    """Return whether a report shows a cost."""
    found = FILLED.search(report)
    return found is not None and found[0] != COST_PLACE.encode()
