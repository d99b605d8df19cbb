"""Tests of the explorer's page in a real browser. They skip where Chromium is not installed."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Browser, FloatRect, expect
from sklearn.neighbors import NearestNeighbors

from spark_app.csv_files import lines_of
from spark_app.explorer.data import Explorer
from spark_app.explorer.page import render_explorer
from tests.spark_app.explorer.browser import Opened, any_browser, open_page, tiles_of
from tests.spark_app.explorer.pages import HOSTILE, VARIETIES, explorer_of

Open = Callable[..., Opened]

DECODERS = 4
"""How much two decoders of WebP may differ in a channel, of 255: they round the conversion from YUV differently."""


UNKNOWN = (197, 206, 200)
"""Colour of an unknown number: the page's grey, through which a tenth of the light ground is seen."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return one browser for all tests."""
    with any_browser() as started:
        yield started


@pytest.fixture
def open_explorer(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens explorers. At the end, no page may have complained, or asked for another file."""
    pages: list[Opened] = []

    def opening(explorer: Explorer | None = None, **options: Any) -> Opened:  # noqa: ANN401 -- Playwright's
        folder = tmp_path / str(len(pages))
        folder.mkdir()
        pages.append(open_page(browser, explorer or explorer_of(), folder, **options))
        return pages[-1]

    yield opening
    for opened in pages:
        opened.page.context.close()
        assert opened.complaints == []
        assert [url for url in opened.requests if not url.startswith("blob:")] == opened.requests[:1]


def assert_picture(opened: Opened, selector: str, number: int) -> None:
    """Compare a drawn thumbnail with the stored tiles: it is that of the point, and not of any other."""
    expect(opened.page.locator(f"{selector} canvas").first).to_have_attribute("data-drawn", str(number))
    drawn = opened.picture(selector).astype(int)
    differences = np.abs(tiles_of(opened.explorer).astype(int) - drawn)
    assert int(differences.mean(axis=(1, 2, 3)).argmin()) == number
    assert differences[number].max() <= DECODERS


def legend(opened: Opened, name: str) -> Any:  # noqa: ANN401 -- a locator
    """Return the row of a category."""
    return opened.page.locator(".legend li", has_text=re.compile(rf"^{re.escape(name)}\d"))


def circle(centre: np.ndarray, radius: float, count: int = 24) -> np.ndarray:
    """Return places on a circle."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def is_surrounded(polygon: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return which places a polygon winds around, by the sum of the angles of its edges; shape (n,)."""
    rays = polygon[None] - places[:, None]
    angles = np.arctan2(rays[..., 1], rays[..., 0])
    turns = np.diff(np.concatenate([angles, angles[:, :1]], axis=1), axis=1)
    turns = (turns + np.pi) % (2 * np.pi) - np.pi
    return np.abs(turns.sum(axis=1)) > np.pi


def test_points_are_where_their_coordinates_are(open_explorer: Open) -> None:
    """In 2-D, the screen is an affine picture of two components at one scale; in 3-D, that of a camera."""
    opened = open_explorer()
    coordinates = opened.explorer.points.coordinates.astype(float)
    design = np.c_[coordinates[:, :2], np.ones(len(coordinates))]
    solution, *_ = np.linalg.lstsq(design, opened.screen(), rcond=None)
    assert np.abs(design @ solution - opened.screen()).max() < 0.05
    assert solution[0, 0] == pytest.approx(-solution[1, 1], rel=1e-3)
    assert abs(solution[0, 1]) + abs(solution[1, 0]) < 1e-3
    opened.page.keyboard.press("3")
    opened.settle()
    assert camera_error(coordinates[:, :3], opened.screen()) < 0.05


def camera_error(points: np.ndarray, screen: np.ndarray) -> float:
    """Fit a pinhole camera by the direct linear transform, and return its largest error in pixels."""
    scaled = (points - points.mean(axis=0)) / points.std()
    middle = (screen - screen.mean(axis=0)) / screen.std()
    one, zero = np.c_[scaled, np.ones(len(scaled))], np.zeros((len(scaled), 4))
    rows = np.r_[np.c_[one, zero, -middle[:, :1] * one], np.c_[zero, one, -middle[:, 1:] * one]]
    camera = np.linalg.svd(rows)[2][-1].reshape(3, 4)
    projected = one @ camera.T
    return float(np.abs(projected[:, :2] / projected[:, 2:] - middle).max() * screen.std())


@pytest.mark.parametrize("mode", ["2", "3"])
def test_points_are_drawn_where_they_can_be_picked(open_explorer: Open, mode: str) -> None:
    """Each point of the screen's list has pixels there, and pixels elsewhere are those of no point."""
    opened = open_explorer(explorer_of(60))
    opened.page.keyboard.press(mode)
    opened.settle()
    shot, places = opened.shot(), opened.screen()
    coloured = np.abs(shot - shot[2, 2]).max(axis=2) > 40
    assert all(coloured[round(y), round(x)] for x, y in places)
    rows, columns = np.nonzero(coloured)
    distances = np.hypot(columns[:, None] - places[:, 0], rows[:, None] - places[:, 1]).min(axis=1)
    assert distances.max() < 9


def test_three_dimensions_turn(open_explorer: Open) -> None:
    """A drag in 3-D changes the picture and what lies at a place; in 2-D, it moves all points alike."""
    opened = open_explorer()
    opened.page.keyboard.press("3")
    opened.settle()
    assert opened.ask("mode()") == "3"
    before, places = opened.shot(), opened.screen()
    [number, *_] = opened.free()
    opened.drag(opened.places()[number] + np.linspace((0, 0), (160, 60), 8))
    assert np.abs(opened.shot() - before).max(axis=2).astype(bool).mean() > 0.01
    assert np.ptp(opened.screen() - places, axis=0).min() > 20
    x, y = places[number]
    assert opened.ask(f"at({x}, {y})") != opened.explorer.points.keys[number]
    opened.page.keyboard.press("2")
    opened.settle()
    flat = opened.screen()
    opened.drag(opened.places()[number] + np.linspace((0, 0), (70, 30), 8))
    np.testing.assert_allclose(opened.screen() - flat, np.zeros_like(flat) + np.array([70, 30]), atol=1.5)


def test_pointing_shows_the_thumbnail_also_after_filters(open_explorer: Open) -> None:
    """The label shows key and picture of the point under the mouse, also after legend, search, lasso and 3-D."""
    opened = open_explorer()
    points = opened.explorer.points

    def check() -> None:
        for number in [number for number in opened.free() if points.pictured[number]][:2]:
            opened.hover(number)
            assert points.keys[number] in opened.page.locator(".tip").inner_text()
            assert_picture(opened, ".tip", number)

    check()
    legend(opened, "Apple").get_by_role("button").first.click()
    opened.settle()
    assert opened.ask("visible()") == sum(label != "Apple" for label in points.labels)
    check()
    opened.page.locator("#search").fill("1")
    check()
    opened.page.locator("#search").fill("")
    opened.page.keyboard.press("Escape")
    opened.page.keyboard.press("l")
    opened.drag(circle(opened.places().mean(axis=0), 150))
    check()
    opened.page.keyboard.press("3")
    opened.settle()
    check()


def test_a_point_without_a_picture_says_so(open_explorer: Open) -> None:
    """No other picture takes the place of a missing one."""
    explorer = explorer_of(30)
    blank = replace(explorer.points, pictured=np.zeros(30, np.bool_))
    opened = open_explorer(replace(explorer, points=blank))
    [number, *_] = opened.free()
    opened.hover(number)
    expect(opened.page.locator(".tip")).to_contain_text("no thumbnail")
    assert opened.page.locator(".tip canvas").count() == 0
    box = opened.page.locator(".tip .blank").bounding_box()
    assert box
    assert (box["width"], box["height"]) == (96, 72)


def test_the_legend_lists_hides_and_isolates(open_explorer: Open) -> None:
    """The legend has all labels with their counts; click hides, double-click and the button isolate, and all return."""
    opened = open_explorer()
    points = opened.explorer.points
    counts = {name: points.labels.count(name) for name in VARIETIES}
    for name, count in counts.items():
        expect(legend(opened, name or "no label")).to_contain_text(str(count))
    legend(opened, "Banana").get_by_role("button").first.click()
    assert set(opened.ask("shown()")) == {k for k, v in zip(points.keys, points.labels, strict=True) if v != "Banana"}
    legend(opened, "Cherry").get_by_role("button").first.dblclick()
    assert set(opened.ask("shown()")) == {k for k, v in zip(points.keys, points.labels, strict=True) if v == "Cherry"}
    opened.page.locator("#show-all").click()
    assert opened.ask("visible()") == len(points)
    legend(opened, "no label").hover()
    legend(opened, "no label").get_by_role("button", name="only").click()
    assert opened.ask("visible()") == counts[None]
    opened.page.get_by_label("Filter the legend by name").fill("aPPl")
    expect(opened.page.locator(".legend li")).to_have_count(1)


def test_a_filter_stays_when_another_column_gives_the_colours(open_explorer: Open) -> None:
    """The images of one label can be looked at by brightness and by findings, whose scale and counts are right."""
    opened = open_explorer()
    points = opened.explorer.points
    legend(opened, "Apple").get_by_role("button").first.dblclick()
    opened.page.select_option("#colour", label="brightness")
    assert opened.ask("visible()") == points.labels.count("Apple")
    known = points.numbers["brightness"][np.isfinite(points.numbers["brightness"])]
    low, high = (f"{np.percentile(known, share, method='nearest'):.4g}" for share in (1, 99))
    expect(opened.page.locator(".limits")).to_contain_text(re.compile(rf"≤ {low}.*≥ {high}"))
    expect(opened.page.locator(".unknown")).to_contain_text(f"unknown: {len(points) - len(known)} images")
    opened.page.select_option("#colour", label="finding: blurry")
    expect(legend(opened, "blurry")).to_contain_text(str(len(points.findings["blurry"])))


def test_a_row_that_goes_away_under_the_pointer_leaves_no_image_dimmed(open_explorer: Open) -> None:
    """The images of a label stand out while the pointer is on its row; not after a filter or another column."""
    opened = open_explorer()
    page, before = opened.page, opened.shot()
    legend(opened, "no label").hover()
    opened.settle()
    assert np.abs(opened.shot() - before).max() > 40
    page.get_by_label("Filter the legend by name").fill("nothing of this name")
    opened.settle()
    np.testing.assert_array_equal(opened.shot(), before)
    page.get_by_label("Filter the legend by name").fill("")
    legend(opened, "Cherry").hover()
    page.select_option("#colour", label="brightness")
    page.mouse.move(5, 5)
    page.select_option("#colour", label="label")
    opened.settle()
    np.testing.assert_array_equal(opened.shot(), before)


def test_a_number_that_no_image_has_gives_no_colours(open_explorer: Open) -> None:
    """A scale without limits would say nothing."""
    few = explorer_of(4)
    numbers = {**few.points.numbers, "sharpness": np.full(4, np.nan, np.float32)}
    opened = open_explorer(replace(few, points=replace(few.points, numbers=numbers)))
    columns = opened.page.locator("#colour option").all_inner_texts()
    assert "brightness" in columns
    assert "sharpness" not in columns


def test_unknown_numbers_are_grey(open_explorer: Open) -> None:
    """A point whose number is unknown has no colour of the scale, and the scale is not grey."""
    opened = open_explorer()
    opened.page.select_option("#colour", label="brightness")
    opened.settle()
    shot, places = opened.shot(), opened.screen()
    values = opened.explorer.points.numbers["brightness"]
    for number in opened.free()[:40]:
        x, y = places[number].round().astype(int)
        if np.isnan(values[number]):
            np.testing.assert_allclose(shot[y, x], UNKNOWN, atol=8)
        else:
            assert np.abs(shot[y, x] - UNKNOWN).max() > 30


def test_each_label_of_131_is_told_apart_when_it_is_alone(open_explorer: Open) -> None:
    """The most frequent labels have a colour and a shape of their own; a grey one gets one when others are hidden."""
    few = explorer_of(393)
    labels: list[str | None] = [f"Variety {number % 131:03}" for number in range(393)]
    opened = open_explorer(replace(few, points=replace(few.points, labels=labels)))
    marks = opened.page.locator(".legend li svg path").evaluate_all(
        "ps => ps.map(p => p.getAttribute('d') + p.getAttribute('fill'))"
    )
    assert len(marks) == 131
    assert len(set(marks[:48])) == 48
    assert len(set(marks[48:])) == 1
    last = legend(opened, "Variety 130")
    last.get_by_role("button").first.dblclick()
    assert opened.ask("visible()") == 3
    path = last.locator("path")
    assert path.get_attribute("d") + path.get_attribute("fill") not in marks[48:]


VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What people see of linear light: https://www.inf.ufrgs.br/~oliveira/pubs_files/CVD_Simulation/CVD_Simulation.html."""

TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
WHITE = (0.95047, 1, 1.08883)
TOLD_APART = 12
"""Distance in CIELAB at which two patches differ clearly; about 2 is the least that can be seen."""


def linear(colours: np.ndarray) -> np.ndarray:
    """Return the linear light of sRGB colours from 0 to 255."""
    shares = colours / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def cielab(light: np.ndarray) -> np.ndarray:
    """Return the CIELAB coordinates of linear light, shape (n, 3)."""
    xyz = np.clip(light, 0, 1) @ np.transpose(TO_XYZ) / WHITE
    roots = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = roots.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def test_the_colours_of_labels_can_be_told_apart_with_any_colour_vision(open_explorer: Open) -> None:
    """The first 8 labels differ clearly for people who lack one kind of cone, in the light and in the dark page."""
    few = explorer_of(16)
    labels: list[str | None] = [f"Variety {number % 8}" for number in range(16)]
    opened = open_explorer(replace(few, points=replace(few.points, labels=labels)))
    for _ in ("light", "dark"):
        fills = opened.page.locator(".legend li path").evaluate_all("ps => ps.map(p => p.getAttribute('fill'))")
        colours = np.array([re.findall(r"\d+", fill) for fill in fills], float)
        for name, vision in VISIONS.items():
            seen = cielab(linear(colours) @ np.transpose(vision))
            gaps = np.linalg.norm(seen[:, None] - seen[None], axis=2) + np.diag(np.full(8, np.inf))
            assert gaps.min() > TOLD_APART, name
        opened.page.locator("#theme").click()


@pytest.mark.parametrize("mode", ["2", "3"])
def test_the_lasso_takes_exactly_the_points_within(open_explorer: Open, mode: str) -> None:
    """The chosen images are the shown ones that the polygon surrounds; with Shift, a second one adds to them."""
    opened = open_explorer()
    keys = np.array(opened.explorer.points.keys)
    legend(opened, "Apple").get_by_role("button").first.click()
    opened.page.keyboard.press(mode)
    opened.page.locator("#lasso").click()
    opened.settle()
    shown = np.isin(keys, opened.ask("shown()"))
    places = opened.places()
    centre = np.median(places[shown], axis=0)
    first = circle(centre, 90)
    opened.drag(first)
    within = shown & is_surrounded(first, places)
    assert 0 < within.sum() < shown.sum()
    assert opened.ask("chosen()") == keys[within].tolist()
    second = circle(centre - (60, 40), 70)
    opened.page.keyboard.down("Shift")
    opened.drag(second)
    opened.page.keyboard.up("Shift")
    within |= shown & is_surrounded(second, places)
    assert opened.ask("chosen()") == keys[within].tolist()
    expect(opened.page.locator(".chosen h2")).to_have_text(f"{within.sum()} images chosen")


def test_escape_ends_a_lasso_without_choosing(open_explorer: Open) -> None:
    """The drawing disappears at once, and the release of the button neither chooses nor picks."""
    opened = open_explorer()
    page, centre = opened.page, opened.places().mean(axis=0)
    outline = circle(centre, 150)
    x, y = (centre - 30).tolist()
    area: FloatRect = {"x": x, "y": y, "width": 60, "height": 60}
    before = page.screenshot(clip=area)
    page.keyboard.press("l")
    page.mouse.move(*outline[0])
    page.mouse.down()
    for place in outline[1:-1]:
        page.mouse.move(*place)
    opened.settle()
    assert page.screenshot(clip=area) != before
    page.keyboard.press("Escape")
    opened.settle()
    assert page.screenshot(clip=area) == before
    page.mouse.move(*outline[-1])
    page.mouse.up()
    assert opened.ask("chosen()") == []
    assert opened.ask("picked()") is None
    expect(page.locator("#lasso")).to_have_attribute("aria-pressed", "false")


def test_another_button_does_not_disturb_the_lasso(open_explorer: Open) -> None:
    """A right button that goes down in the plot and up outside of it leaves the lasso and the click as they were."""
    opened = open_explorer()
    places = opened.places()
    outline = circle(places.mean(axis=0), 150)
    opened.page.keyboard.press("l")
    opened.page.mouse.move(*outline[0])
    opened.page.mouse.down(button="right")
    opened.page.mouse.move(20, 20)
    opened.page.mouse.up(button="right")
    opened.drag(outline)
    keys = np.array(opened.explorer.points.keys)
    assert opened.ask("chosen()") == keys[is_surrounded(outline, places)].tolist()


def test_the_chosen_keys_can_be_taken_away(open_explorer: Open) -> None:
    """The CSV file is what the pipeline would have written, and the clipboard has a key per line."""
    opened = open_explorer(explorer_of(40, keys=HOSTILE), permissions=["clipboard-read", "clipboard-write"])
    points = opened.explorer.points
    opened.page.keyboard.press("l")
    box = opened.page.locator(".surface").bounding_box()
    assert box
    corners = np.array([(5, 5), (5, box["height"] - 5), (box["width"] - 5, box["height"] - 5), (box["width"] - 5, 5)])
    opened.drag(corners + np.array([box["x"], box["y"]]))
    assert opened.ask("chosen()") == points.keys
    with opened.page.expect_download() as download:
        opened.page.locator("#download").click()
    body = Path(download.value.path()).read_bytes()
    schema = pa.schema({"key": pa.string(), "label": pa.string()})
    lines = lines_of([pa.array(points.keys), pa.array(points.labels)], schema)
    assert body == b"".join(line + b"\n" for line in [b'"key","label"', *lines])
    assert len(list(csv.reader(io.StringIO(body.decode())))) == len(points) + 1
    opened.page.locator("#copy").click()
    expect(opened.page.locator(".said")).to_have_text("Copied 40 keys.")
    assert opened.page.evaluate("() => navigator.clipboard.readText()") == "\n".join(points.keys)


def test_a_picked_image_has_its_nearest_neighbours(open_explorer: Open) -> None:
    """The card shows the picture, the facts, and the 8 nearest images along all components, as in scikit-learn."""
    opened = open_explorer()
    points = opened.explorer.points
    number = next(number for number in opened.free() if points.pictured[number])
    opened.page.mouse.click(*opened.places()[number])
    assert opened.ask("picked()") == points.keys[number]
    assert_picture(opened, ".card .head", number)
    expect(opened.page.locator(".card dl").first).to_contain_text("400 \N{MULTIPLICATION SIGN} 300")
    box = opened.page.locator(".card .head canvas").bounding_box()
    assert box
    assert box["width"] / box["height"] == pytest.approx(400 / 300, rel=0.02)
    coordinates = points.coordinates.astype(float)
    distances, found = NearestNeighbors(n_neighbors=9).fit(coordinates).kneighbors(coordinates[number : number + 1])
    rows = opened.page.locator(".neighbours button")
    assert [int(row.get_attribute("data-point") or -1) for row in rows.all()] == found[0, 1:].tolist()
    shown = [float(row.get_attribute("data-distance") or -1) for row in rows.all()]
    np.testing.assert_allclose(shown, distances[0, 1:], rtol=1e-6)
    rows.nth(2).click()
    assert opened.ask("picked()") == points.keys[found[0, 3]]
    expect(opened.page.locator(".said")).to_contain_text(points.keys[found[0, 3]])


def test_the_search_finds_and_steps(open_explorer: Open) -> None:
    """The number of matches is right, Enter picks one after the other, and a button chooses them."""
    opened = open_explorer()
    field = opened.page.locator("#search")
    field.fill("apple/0001")
    found = [key for key in opened.explorer.points.keys if "apple/0001" in key.lower()]
    assert found
    expect(opened.page.locator("#found")).to_have_text(f"{len(found)} matches")
    for key in [*found, found[0]]:
        field.press("Enter")
        assert opened.ask("picked()") == key
    opened.page.locator("#choose-found").click()
    assert opened.ask("chosen()") == found


def test_a_match_that_a_filter_hides_is_none_until_it_is_shown_again(open_explorer: Open) -> None:
    """Whatever changes the filter, the number of matches follows, and only shown matches are chosen."""
    opened = open_explorer()
    found, choose = opened.page.locator("#found"), opened.page.locator("#choose-found")
    matches = [key for key in opened.explorer.points.keys if "0000" in key]
    apples = [key for key in matches if "Apple" in key]
    opened.page.locator("#search").fill("0000")
    expect(found).to_have_text(f"{len(matches)} matches")
    legend(opened, "Apple").get_by_role("button").first.click()
    expect(found).to_have_text(f"{len(matches) - len(apples)} matches, {len(apples)} hidden")
    choose.click()
    assert opened.ask("chosen()") == [key for key in matches if key not in apples]
    legend(opened, "Apple").get_by_role("button").first.dblclick()
    expect(found).to_have_text(f"{len(apples)} matches, {len(matches) - len(apples)} hidden")
    opened.page.locator("#search").fill("cherry")
    expect(found).to_have_text(f"0 matches, {opened.explorer.points.labels.count('Cherry')} hidden")
    expect(choose).to_be_hidden()
    opened.page.locator("#search").fill("0000")
    opened.page.locator("#show-all").click()
    expect(found).to_have_text(f"{len(matches)} matches")


def test_any_component_can_be_on_an_axis(open_explorer: Open) -> None:
    """Another component on an axis moves the points along this axis, and the axis has its name and share."""
    opened = open_explorer()
    expect(opened.page.locator("#axis-x option").nth(3)).to_have_text("PC4 (5.0%)")
    opened.page.select_option("#axis-x", "3")
    opened.settle()
    coordinates = opened.explorer.points.coordinates.astype(float)
    assert np.corrcoef(opened.screen()[:, 0], coordinates[:, 3])[0, 1] > 0.99999
    assert np.corrcoef(opened.screen()[:, 1], coordinates[:, 1])[0, 1] < -0.99999
    opened.page.get_by_label("same scale on all axes").uncheck()
    opened.settle()
    assert np.ptp(opened.screen(), axis=0).min() > 300


def test_the_keyboard_does_everything(open_explorer: Open) -> None:
    """The documented keys move, zoom, search, step and undo; typing in the search field does not."""
    opened = open_explorer()
    keys, press = opened.explorer.points.keys, opened.page.keyboard.press
    before = opened.screen()
    press("ArrowRight")
    opened.settle()
    assert (opened.screen()[:, 0] < before[:, 0] - 10).all()
    press("+")
    opened.settle()
    assert np.ptp(opened.screen()[:, 0]) > 1.2 * np.ptp(before[:, 0])
    press("r")
    opened.settle()
    np.testing.assert_allclose(opened.screen(), before, atol=0.01)
    press("3")
    assert opened.ask("mode()") == "3"
    press("n")
    press("n")
    assert opened.ask("picked()") == keys[1]
    press("p")
    assert opened.ask("picked()") == keys[0]
    press("Escape")
    assert opened.ask("picked()") is None
    press("/")
    opened.page.keyboard.type("l2")
    assert opened.ask("mode()") == "3"
    assert opened.page.locator("#search").input_value() == "l2"
    press("Escape")
    assert opened.page.locator("#search").input_value() == ""
    press("?")
    expect(opened.page.locator("dialog")).to_be_visible()
    press("Escape")
    expect(opened.page.locator("dialog")).to_be_hidden()


def test_tab_reaches_every_control_and_shows_where_it_is(open_explorer: Open) -> None:
    """Each visible control takes the focus in turn, with an outline and a name."""
    opened = open_explorer(explorer_of(20))
    facts = """() => { const e = document.activeElement; return [
        e.id || e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent.trim(),
        getComputedStyle(e).outlineStyle] }"""
    controls = "button:enabled, select, input, a[href], summary, [tabindex='0']"
    visible = [control for control in opened.page.locator(controls).all() if control.is_visible()]
    reached = []
    for _ in visible:
        opened.page.keyboard.press("Tab")
        reached.append(tuple(opened.page.evaluate(facts)))
    assert {"search", "mode-3", "lasso", "reset", "axis-z", "size", "colour"} <= {name for name, _ in reached}
    assert all(name for name, _ in reached)
    assert {style for _, style in reached} <= {"solid", "auto"}


def test_the_names_of_users_are_text(open_explorer: Open) -> None:
    """HTML, quotes, the end of a script and marks of direction are shown as they are, wherever a name is shown."""
    opened = open_explorer(explorer_of(30, keys=HOSTILE))
    page = opened.page
    title, scripts = page.title(), page.locator("script").count()
    names = page.locator(".legend .user").all_inner_texts()
    assert set(HOSTILE) <= set(names)
    for number, name in enumerate(HOSTILE):
        page.keyboard.press("n")
        assert opened.ask("picked()") == name
        assert page.locator(".card .head .user").all_text_contents() == [name, name]
        assert page.locator(".said bdi").all_text_contents() == [name, name]
        opened.page.mouse.move(*opened.places()[number])
    page.locator("#search").fill("<")
    page.locator("#choose-found").click()
    assert page.locator(".chosen li").all_inner_texts() == [name for name in HOSTILE if "<" in name]
    assert page.locator(".legend .user").first.evaluate("e => getComputedStyle(e).unicodeBidi") == "isolate"
    assert page.title() == title
    assert page.locator("script").count() == scripts
    assert page.locator("img").count() == 0


def test_a_sample_says_that_it_is_one(open_explorer: Open) -> None:
    """The head names all images and how the points were chosen, only if there are more images than points."""
    sampled = open_explorer(explorer_of(50, images=1_234_567))
    expect(sampled.page.locator("#sample")).to_have_text(
        "50 of 1,234,567 images: a fair sample, chosen by the hash of the key"
    )
    expect(sampled.page.locator(".notes summary")).to_have_text("1 note")
    expect(open_explorer(explorer_of(50)).page.locator("#sample")).to_have_text("50 images")


ONE_PLACE = {
    "one image": (1, 5),
    "images without components": (3, 0),
    "equal images": (3, 5),
}


@pytest.mark.parametrize(("count", "components"), ONE_PLACE.values(), ids=ONE_PLACE.keys())
def test_points_at_one_place_are_drawn_there(open_explorer: Open, count: int, components: int) -> None:
    """Without any extent, the points lie in the middle of the plot in both modes."""
    few = explorer_of(count)
    points = replace(few.points, coordinates=np.full((count, components), 2, np.float16))
    opened = open_explorer(replace(few, points=points, ratios=few.ratios[:components]))
    for mode in ("2", "3"):
        opened.page.keyboard.press(mode)
        opened.page.keyboard.press("r")
        opened.settle()
        shot = opened.shot()
        middle = np.array(shot.shape[1::-1]) / 2
        np.testing.assert_allclose(opened.screen(), np.tile(middle, (count, 1)), atol=0.5)
        column, row = middle.astype(int)
        assert np.abs(shot[row, column] - shot[2, 2]).max() > 40


@pytest.mark.parametrize("components", [0, 1, 2])
def test_few_components_and_few_images_are_shown(open_explorer: Open, components: int) -> None:
    """A run of one image or of one component has an explorer, too."""
    few = explorer_of(2)
    points = replace(few.points, coordinates=few.points.coordinates[:, :components])
    opened = open_explorer(replace(few, points=points, ratios=few.ratios[:components]))
    opened.page.keyboard.press("3")
    opened.settle()
    axes = [opened.page.locator(f"#axis-{name} option:checked").inner_text() for name in "xyz"]
    assert axes == [*["PC1 (40.0%)", "PC2 (20.0%)"][:components], *["none"] * (3 - components)]
    opened.page.keyboard.press("n")
    assert opened.ask("picked()") == points.keys[0]


def test_an_explorer_without_images_opens(open_explorer: Open) -> None:
    """No image is no error."""
    assert open_explorer(explorer_of(0)).ask("visible()") == 0


CONTRAST = """selector => {
  const element = document.querySelector(selector);
  let ground = element;
  while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
  const colours = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
  return colours.map(text => text.match(/[\\d.]+/g).map(Number));
}"""


def luminance(colour: list[float]) -> float:
    """Return the relative luminance of WCAG 2."""
    return float(linear(np.array(colour[:3])) @ TO_XYZ[1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_are_legible(open_explorer: Open, scheme: str) -> None:
    """The page follows the scheme of the system, the button changes it, and texts have a contrast of 4.5 in both."""
    opened = open_explorer(color_scheme=scheme)
    for is_dark in (scheme == "dark", scheme != "dark"):
        for selector in (".facts", ".count", ".entry .user", ".line span", "#mode-2", "#mode-3", ".notes summary"):
            bright, dim = sorted(map(luminance, opened.page.evaluate(CONTRAST, selector)), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, selector
        assert (opened.shot()[2, 2].mean() < 60) == is_dark
        opened.page.locator("#theme").click()
        opened.settle()


class Fingers:
    """Touches of any number of fingers, which Playwright's own touch screen does not offer."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._session = opened.page.context.new_cdp_session(opened.page)

    def _send(self, kind: str, places: np.ndarray) -> None:
        points = [{"x": float(x), "y": float(y), "id": number} for number, (x, y) in enumerate(places)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def drag(self, steps: np.ndarray) -> None:
        """Put fingers down, move them, and lift them; `steps` has shape (steps, fingers, 2)."""
        self._send("touchStart", steps[0])
        for places in steps[1:]:
            self._send("touchMove", places)
        self._send("touchEnd", steps[0][:0])
        self._opened.settle()


def test_a_phone_can_do_the_same(open_explorer: Open) -> None:
    """At 390 pixels nothing scrolls sideways, targets suit a finger, and tap, pinch and lasso work by touch."""
    opened = open_explorer(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = opened.page
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    for button in page.locator("button:visible, select:visible, input[type=search]:visible").all():
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 40, button.inner_text()
    middle = np.array([195.0, 480.0])
    before = opened.screen()
    fingers = Fingers(opened)
    fingers.drag(middle + np.array([[(-reach, 0), (reach, 0)] for reach in (30, 45, 60, 75, 90)]))
    assert np.ptp(opened.screen()[:, 0]) > 1.8 * np.ptp(before[:, 0])
    assert opened.ask("picked()") is None
    page.locator("#reset").tap()
    page.locator("#lasso").tap()
    opened.settle()
    places = opened.places()
    polygon = circle(np.median(places, axis=0), 60)
    fingers.drag(polygon[:, None])
    keys = np.array(opened.explorer.points.keys)
    assert opened.ask("chosen()") == keys[is_surrounded(polygon, places)].tolist()
    expect(page.locator(".chosen")).to_be_visible()
    page.locator(".chosen .close").tap()
    fingers.drag(np.stack([polygon, polygon[::-1] - (0, 90)], axis=1))
    assert opened.ask("chosen()") == keys[is_surrounded(polygon, places)].tolist(), "the second finger draws nothing"
    page.locator(".chosen .close").tap()
    page.locator("#lasso").tap()
    number = next(n for n in range(len(keys)) if opened.explorer.points.pictured[n] and 300 < places[n, 1] < 780)
    fingers.drag(np.array([(places[number], places[number] + (step, step)) for step in (40, 50, 40)]))
    assert opened.ask("picked()") is None, "two fingers do not click, even if one rests"
    page.locator("#reset").tap()
    opened.settle()
    page.touchscreen.tap(*places[number])
    picked = opened.explorer.points.keys.index(opened.ask("picked()"))
    assert np.linalg.norm(places[picked] - places[number]) < 5
    expect(page.locator(".card").first).to_be_visible()
    page.locator("#search").fill("cherry")
    page.locator("#choose-found").tap()
    assert opened.ask("chosen()") == [key for key in keys if "Cherry" in key]
    page.locator("#tab-colour").tap()
    expect(legend(opened, "Apple")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_a_thousand_points_keep_their_pictures(open_explorer: Open) -> None:
    """At 1,290 points in 21 sheets, with most of them hidden, a point still shows its own picture."""
    opened = open_explorer(explorer_of(1290))
    legend(opened, "Cherry").get_by_role("button").first.dblclick()
    opened.page.get_by_label("pictures for points").check()
    opened.settle()
    candidates = [number for number in opened.free() if opened.explorer.points.pictured[number]]
    for number in (candidates[0], candidates[-1]):
        opened.hover(number)
        assert_picture(opened, ".tip", number)


def test_the_first_and_the_last_tile_of_a_sheet_are_those_of_their_points(open_explorer: Open) -> None:
    """The number of a point leads to its picture also where a sheet ends and the next one begins."""
    opened = open_explorer()
    field = opened.page.locator("#search")
    for number in (0, 63, 64, 127, 128, 256, 298):
        field.fill(opened.explorer.points.keys[number])
        field.press("Enter")
        assert_picture(opened, ".card .head", number)


def test_a_browser_without_webgl_gets_a_sentence(browser: Browser, tmp_path: Path) -> None:
    """The page says what it needs, instead of staying empty."""
    (tmp_path / "page.html").write_text(render_explorer(explorer_of(5)))
    page = browser.new_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.locator(".failed")).to_contain_text("with WebGL")
    page.context.close()
