"""Debian's Chromium, which prints documents and draws diagrams. Nothing here downloads a browser."""

import shutil

from handover.errors import HandoverError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """Return the path of an installed Chromium; `None` if there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def required_browser() -> str:
    """Return the path of an installed Chromium.

    Raises
    ------
    HandoverError
        If there is none.
    """
    if (program := find_browser()) is None:
        raise HandoverError("Chromium is not installed: on Debian, `apt-get install chromium` provides it.")
    return program
