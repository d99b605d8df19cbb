"""A real browser for tests of the explorer's page: Debian's Chromium, which draws without a graphics processor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.browser import started_browser
from cli.chromium import MISSING, find_browser
from spark_app.explorer.data import Explorer
from spark_app.explorer.page import render_explorer

PIXELS = """canvas => Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data)"""


@contextmanager
def any_browser() -> Iterator[Browser]:
    """Start Chromium, or skip the tests where there is none."""
    program = find_browser()
    if program is None:
        pytest.skip(MISSING)
    with started_browser(program) as browser:
        yield browser


@dataclass(frozen=True)
class Opened:
    """An explorer in a browser, and what the browser has complained about and asked for."""

    page: Page
    explorer: Explorer
    complaints: list[str]
    requests: list[str]

    def ask(self, expression: str) -> Any:  # noqa: ANN401 -- JavaScript has all types
        """Ask the page's handle: ``mode()`` for ``fruits.mode()``."""
        return self.page.evaluate(f"() => fruits.{expression}")

    def settle(self) -> None:
        """Wait until the page has drawn what it was asked to draw."""
        frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
        self.page.evaluate(f"() => {frames}")
        self.page.wait_for_function("fruits.settled()")

    def screen(self) -> np.ndarray:
        """Return the place of each point in CSS pixels of the plot; shape (n, 2)."""
        return np.array(self.ask("screen()"), float)

    def places(self) -> np.ndarray:
        """Return the place of each point in CSS pixels of the page; shape (n, 2)."""
        box = self.page.locator(".surface").bounding_box()
        assert box
        return self.screen() + np.array([box["x"], box["y"]])

    def hover(self, number: int) -> None:
        """Move the mouse to a point, and wait for its label."""
        self.page.mouse.move(*self.places()[number])
        self.page.locator(".tip").wait_for()

    def free(self) -> list[int]:
        """Return the numbers of the shown points that are alone at their place, so that a pointer must mean them."""
        keys, shown = self.explorer.points.keys, set(self.ask("shown()"))
        numbers = [number for number, key in enumerate(keys) if key in shown]
        places = self.screen()
        box = self.page.locator(".surface").bounding_box()
        assert box
        gaps = np.linalg.norm(places[numbers][:, None] - places[numbers][None], axis=-1)
        np.fill_diagonal(gaps, np.inf)
        inside = ((places[numbers] > (60, 60)) & (places[numbers] < (box["width"] - 330, box["height"] - 60))).all(
            axis=1
        )
        return [
            number for number, gap, is_in in zip(numbers, gaps.min(axis=1), inside, strict=True) if gap > 16 and is_in
        ]

    def drag(self, places: np.ndarray) -> None:
        """Press the mouse at the first place, move it along the others, and release it."""
        first, *others = places.astype(float).tolist()
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for place in others:
            self.page.mouse.move(*place)
        self.page.mouse.up()
        self.settle()

    def picture(self, selector: str) -> np.ndarray:
        """Return the pixels of a drawn thumbnail; shape (tile, tile, 3)."""
        canvas = self.page.locator(f"{selector} canvas[data-drawn]").first
        pixels = np.array(canvas.evaluate(PIXELS), np.uint8)
        side = self.explorer.points.tile
        return pixels.reshape(side, side, 4)[..., :3]

    def shot(self) -> np.ndarray:
        """Return the pixels of the points alone, without the frame and what floats over the plot; shape (h, w, 3)."""
        others = ".frame, .float, .dock, .tip, .said, .surface"
        hide = f"for (const part of document.querySelectorAll('{others}')) part.style.opacity = "
        self.page.evaluate(f"() => {{ {hide} '0' }}")
        body = self.page.locator(".plot").screenshot()
        self.page.evaluate(f"() => {{ {hide} '' }}")
        return np.asarray(Image.open(BytesIO(body)).convert("RGB")).astype(int)


def open_page(browser: Browser, explorer: Explorer, folder: Path, **options: Any) -> Opened:  # noqa: ANN401 -- Playwright's
    """Open the page of an explorer as a file."""
    file = folder / "explore.html"
    file.write_text(render_explorer(explorer), "utf-8")
    options = {"viewport": {"width": 1000, "height": 620}, "reduced_motion": "reduce", **options}
    page = browser.new_context(**options).new_page()
    opened = Opened(page, explorer, [], [])
    page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.on("request", lambda request: opened.requests.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_function("window.fruits")
    opened.settle()
    return opened


@cache
def tiles_of(explorer: Explorer) -> np.ndarray:
    """Decode the tiles of all points with Pillow; shape (n, tile, tile, 3)."""
    side = explorer.points.tile
    tiles = []
    for sheet in explorer.points.sheets:
        image = Image.open(BytesIO(sheet.image)).convert("RGB")
        for number in range(sheet.count):
            left, top = number % sheet.columns * side, number // sheet.columns * side
            tiles.append(np.asarray(image.crop((left, top, left + side, top + side))))
    return np.stack(tiles)
