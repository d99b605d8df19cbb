"""Debian's Chromium without a window, and without a graphics processor, so that every machine draws alike."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Options that make Chromium draw with SwiftShader, on the processor."""

MISSING = "Chromium is not installed: on Debian, `apt-get install chromium` provides it"


def find_browser() -> str | None:
    """Return the path of an installed Chromium; `None` if there is none. Nothing here downloads a browser."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def started_browser(program: str) -> Iterator[Browser]:
    """Start Chromium, and end it after the block."""
    # Chromium refuses its sandbox to root, and the pages are our own.
    arguments = [*SOFTWARE, "--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
