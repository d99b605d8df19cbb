"""The screenshots of docs/explorer.md: `python -m benchmarks.explorer_shots OUTPUT`, after a run."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, ViewportSize

from benchmarks.browser import started_browser
from cli.chromium import MISSING, find_browser
from contract.layout import LATEST, ResultFile
from contract.summary import Latest

DOCS = Path(__file__).parents[1] / "docs"
WINDOW: ViewportSize = {"width": 1280, "height": 800}


def main(output: Path) -> None:
    """Draw both screenshots of the explorer of the last run of an output folder."""
    program = find_browser()
    if program is None:
        raise SystemExit(MISSING)
    latest = Latest.from_json((output / LATEST).read_bytes())
    page_file = (output / latest.results / ResultFile.EXPLORER).resolve()
    with started_browser(program) as browser:
        page = browser.new_page(viewport=WINDOW, reduced_motion="reduce")
        page.goto(page_file.as_uri())
        page.wait_for_function("window.fruits && fruits.frames() > 0")
        _lasso(page)
        _save(page, "explorer-lasso.png")
        _turn(page)
        _save(page, "explorer-3d.png")


def _lasso(page: Page) -> None:
    """Choose images with a lasso, and draw it once more, because a lasso disappears when it has chosen."""
    page.keyboard.press("l")
    _drag(page)
    page.mouse.up()
    page.keyboard.press("r")  # moves the points to the left of the list of the chosen ones
    _drag(page)
    page.mouse.up()
    _drag(page)


def _drag(page: Page) -> None:
    box = page.locator(".surface").bounding_box()
    assert box is not None  # noqa: S101 -- the surface is always there
    places = np.array(page.evaluate("() => fruits.screen()"))
    centre = np.median(places, axis=0) + np.array([box["x"], box["y"]])
    angles = np.linspace(0, 2 * np.pi, 40)
    outline = centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([130, 90])
    page.mouse.move(*map(float, outline[0]))
    page.mouse.down()
    for x, y in outline.tolist():
        page.mouse.move(x, y)


def _turn(page: Page) -> None:
    for key in ("l", "Escape", "3", "n", "r"):
        page.keyboard.press(key)
    page.evaluate("() => fruits.turn(-0.35, -0.1)")
    page.locator(".card canvas[data-drawn]").first.wait_for()


def _save(page: Page, name: str) -> None:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    file = DOCS / name
    page.screenshot(path=file)
    with Image.open(file) as opened:
        opened.convert("RGB").save(file, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
