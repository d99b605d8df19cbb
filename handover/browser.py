"""The browser without which documents can't be printed."""

from cli.chromium import MISSING, find_browser
from handover.errors import HandoverError


def required_browser() -> str:
    """Return the path of an installed Chromium.

    Raises
    ------
    HandoverError
        If there is none.
    """
    if (program := find_browser()) is None:
        raise HandoverError(f"{MISSING}.")
    return program
