"""Debian's Chromium without a window, and without a graphics processor, so that every machine draws alike."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Options that make Chromium draw with SwiftShader, on the processor."""


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
