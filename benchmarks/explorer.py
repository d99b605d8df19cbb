"""The explorer's page in a browser: its size, and how smoothly it moves: `python -m benchmarks --only explorer`.

Chromium draws on the processor, because every machine has one: with a graphics processor, all of it is faster. The
figures are

- *page*: the size of the file, with pictures made of real images;
- *first picture*: from the start of loading to the first frame;
- *turning*, *panning*: frames per second while the camera moves at each frame, in 3-D and in 2-D;
- *plotly*: the same points in Plotly's 3-D plot, one trace without pictures.
"""

import json
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, ViewportSize

from benchmarks.browser import started_browser
from benchmarks.explorer_pages import variations
from benchmarks.featurise import Rows
from benchmarks.measurement import Section, Setting, Size
from cli.chromium import MISSING, find_browser
from spark_app.explorer.data import Explorer
from spark_app.explorer.page import render_explorer

SIZES = {Size.SMALL: (600,), Size.FULL: (600, 10_000, 20_000)}
SECONDS = 6


PLOTLY = Path("node_modules/plotly.js-gl3d-dist-min/plotly-gl3d.min.js")
WINDOW: ViewportSize = {"width": 1280, "height": 800}
MEGABYTES = 1e6
PAGE_LIMIT = 10

FRAMES = """async ([seconds, step]) => {
  const move = new Function("frame", step);
  const start = performance.now();
  let frames = 0;
  while (performance.now() - start < 1000 * seconds) {
    move(frames++);
    await new Promise(done => requestAnimationFrame(done));
  }
  return frames / ((performance.now() - start) / 1000);
}"""
"""Move the camera at each frame. The browser asks for a frame only when it has drawn the last one."""

TURN = "fruits.turn(0.05, 0)"
PAN = "fruits.move(frame % 40 < 20 ? 0.2 : -0.2, 0)"
TURN_PLOTLY = """const angle = frame / 20;
Plotly.relayout("plot", {"scene.camera.eye": {x: 1.6 * Math.cos(angle), y: 1.6 * Math.sin(angle), z: 0.6}})"""


def measure(setting: Setting) -> Section:
    """Measure pages of all sizes, and Plotly at the largest."""
    program = find_browser()
    if program is None:
        raise SystemExit(MISSING)
    rows, sizes = Rows(), SIZES[setting.size]
    for _ in range(setting.rounds):
        with started_browser(program) as browser:
            for size in sizes:
                _measure_page(rows, browser, variations(setting.images, size), setting.scratch)
            _measure_plotly(rows, browser, variations(setting.images, sizes[-1]), setting)
    return rows.section("The explorer in a browser without a graphics processor")


def _measure_page(rows: Rows, browser: Browser, explorer: Explorer, scratch: Path) -> None:
    name, file = f"{len(explorer.points):,} points", scratch / "explore.html"
    file.write_text(render_explorer(explorer), "utf-8")
    megabytes = file.stat().st_size / MEGABYTES
    rows.note(f"{name}: page", "MB", megabytes)
    rows.compare(f"{name}: page / {PAGE_LIMIT} MB", megabytes / PAGE_LIMIT, at_most=1)
    page = browser.new_page(viewport=WINDOW)
    page.goto(file.as_uri())
    page.wait_for_function("window.fruits && fruits.frames() > 0")
    rows.note(f"{name}: first picture", "s", page.evaluate("() => performance.now() / 1000"))
    rows.note(f"{name}: panning in 2-D", "frames/s", _rate(page, PAN))
    page.keyboard.press("3")
    rows.note(f"{name}: turning in 3-D", "frames/s", _rate(page, TURN))
    page.close()


def _measure_plotly(rows: Rows, browser: Browser, explorer: Explorer, setting: Setting) -> None:
    file = setting.scratch / "plotly.html"
    file.write_text(_plotly_page(explorer), "utf-8")
    page = browser.new_page(viewport=WINDOW)
    page.goto(file.as_uri())
    page.wait_for_function("window.isDrawn", timeout=120_000)
    name = f"{len(explorer.points):,} points"
    rate = _rate(page, TURN_PLOTLY)
    rows.note(f"{name}: turning in 3-D, Plotly", "frames/s", rate)
    [ours] = rows.figures[f"{name}: turning in 3-D", "frames/s"][-1:]
    rows.compare(f"{name}: turning in 3-D, this project / Plotly", ours / rate)
    page.close()


def _rate(page: Page, step: str) -> float:
    page.evaluate(FRAMES, [1, step])
    return float(page.evaluate(FRAMES, [SECONDS, step]))


def _plotly_page(explorer: Explorer) -> str:
    points = explorer.points
    x, y, z = (points.coordinates[:, axis].astype(np.float64).round(4).tolist() for axis in range(3))
    numbers = {label: number for number, label in enumerate(sorted({label or "" for label in points.labels}))}
    colours = [numbers[label or ""] for label in points.labels]
    marker = {"size": 3, "color": colours, "colorscale": "Viridis"}
    trace = {"type": "scatter3d", "mode": "markers", "x": x, "y": y, "z": z, "text": points.keys, "marker": marker}
    return f"""<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><div id="plot" style="height:800px"></div>
<script>{PLOTLY.read_text("utf-8")}</script>
<script>Plotly.newPlot("plot", [{json.dumps(trace)}]).then(() => {{ window.isDrawn = true }})</script>"""
