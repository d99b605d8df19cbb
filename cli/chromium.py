"""Debian's Chromium, which prints documents, draws diagrams and shows pages. Nothing here downloads a browser."""

import shutil

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

MISSING = "Chromium is not installed: on Debian, `apt-get install chromium` provides it"


def find_browser() -> str | None:
    """Return the path of an installed Chromium; `None` if there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
