"""Tests of the page of the explorer as a file: what it holds, and that it gives the same data back."""

import re
import time
from collections import Counter
from dataclasses import asdict, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from spark_app.errors import ExplorerPageError, InstallationError
from spark_app.explorer import page as page_module
from spark_app.explorer.data import Explorer, Points, Sheet
from spark_app.explorer.page import read_explorer, render_explorer
from spark_app.explorer.payload import from_payload, to_payload
from tests.spark_app.explorer.pages import HOSTILE, explorer_of

TEXT = st.text(max_size=12) | st.sampled_from(HOSTILE)


@st.composite
def explorers(draw: st.DrawFn) -> Explorer:
    """Draw explorers of any texts, numbers and sheets."""
    n, m = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    counts = draw(st.lists(st.integers(1, 3), max_size=3)) if n else []
    counts = [*counts, n - sum(counts)] if sum(counts) < n else [n] * bool(n)
    column = npst.arrays(np.float32, n, elements=st.floats(width=32))
    places = npst.arrays(np.int32, st.integers(1, 3), elements=st.integers(0, max(n - 1, 0)))
    points = Points(
        keys=draw(st.lists(TEXT, min_size=n, max_size=n)),
        labels=draw(st.lists(st.none() | TEXT, min_size=n, max_size=n)),
        coordinates=draw(npst.arrays(np.float16, (n, m), elements=st.floats(width=16))),
        numbers=draw(st.dictionaries(TEXT, column, max_size=3)),
        findings=draw(st.dictionaries(TEXT, places, max_size=2)) if n else {},
        pictured=draw(npst.arrays(np.bool_, n)),
        tile=draw(st.integers(1, 48)),
        sheets=[Sheet(draw(TEXT), count, draw(st.integers(1, 8)), draw(st.binary(max_size=8))) for count in counts],
    )
    ratios = draw(st.lists(st.floats(allow_nan=False), max_size=4))
    return Explorer(
        draw(TEXT), draw(TEXT), draw(st.integers(0, 2**53)), ratios, points, draw(st.lists(TEXT, max_size=2))
    )


def assert_same(one: Explorer, other: Explorer) -> None:
    """Compare all fields, arrays with their types and NaNs, and the order of columns."""
    np.testing.assert_equal(asdict(one), asdict(other))
    for points in (one.points, other.points):
        assert points.coordinates.dtype == np.float16
        assert {array.dtype for array in points.numbers.values()} <= {np.dtype(np.float32)}
        assert {array.dtype for array in points.findings.values()} <= {np.dtype(np.int32)}
        assert points.pictured.dtype == np.bool_
    assert list(one.points.numbers) == list(other.points.numbers)
    assert list(one.points.findings) == list(other.points.findings)


@given(explorers())
@settings(max_examples=100, deadline=None)
def test_a_page_gives_its_data_back(explorer: Explorer) -> None:
    """Reading is the exact inverse of rendering, for any texts and numbers."""
    assert_same(read_explorer(render_explorer(explorer)), explorer)


def test_the_same_data_make_the_same_page() -> None:
    """The page depends on nothing but the data, not even on the time."""
    assert render_explorer(explorer_of(70)) == render_explorer(explorer_of(70))


class _Page(HTMLParser):
    """The tags of a page, the texts of its scripts, and the references to other files."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_the_texts_of_users_are_never_markup() -> None:
    """Names of all kinds leave the tags of the page as they are, and do not occur in it."""
    hostile = explorer_of(20, keys=HOSTILE)
    named = replace(hostile, run_id=HOSTILE[1], notes=list(HOSTILE))
    tags = []
    for explorer in (explorer_of(20), named):
        parser = _Page()
        parser.feed(render_explorer(explorer))
        tags.append(parser.tags)
    assert tags[0] == tags[1]
    assert HOSTILE[0] not in render_explorer(named)


def test_the_page_refers_to_no_other_file() -> None:
    """No element loads anything: the program and the style are in the page, and a policy forbids the rest."""
    text = render_explorer(explorer_of(20))
    parser = _Page()
    parser.feed(text)
    assert parser.references == []
    assert "default-src 'none'" in text


@pytest.mark.parametrize("damage", ["", "<html></html>", "not a page"])
def test_another_file_is_refused(damage: str) -> None:
    """A file that is not such a page gets a sentence, not a traceback."""
    with pytest.raises(ExplorerPageError, match="it has no block of points"):
        read_explorer(damage)


def test_a_damaged_page_is_refused() -> None:
    """A page that has lost or changed some bytes of its data is refused, wherever they were."""
    text = render_explorer(explorer_of(70))
    begin = text.index('id="points">') + len('id="points">')
    end = text.index("</script>", begin)
    for place in range(begin, end, (end - begin) // 50):
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(ExplorerPageError):
            read_explorer(text[:place] + text[place + 4 :])
        with pytest.raises(ExplorerPageError):
            read_explorer(text[:place] + other * 8 + text[place + 8 :])


def test_a_missing_sheet_is_noticed() -> None:
    """Pictures that belong to other points would be worse than none."""
    payload = to_payload(explorer_of(130))
    with pytest.raises(ExplorerPageError):
        from_payload(replace(payload, sheets=payload.sheets.partition("\n")[2]))


def test_without_its_program_a_page_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout without the built program says how to build it."""
    monkeypatch.setattr(page_module, "PROGRAM", "missing.js")
    page_module._program.cache_clear()  # noqa: SLF001 -- it may have read the program before
    with pytest.raises(InstallationError, match="run make"):
        render_explorer(explorer_of(3))


def test_the_style_says_nothing_twice() -> None:
    """No rule of the style is repeated word for word, or has the selector of an earlier one and overrides it."""
    style = page_module._resource("explore.css")  # noqa: SLF001 -- the style as the page has it
    outside = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", style)
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", outside)
    declared = [
        (selector.strip(), text.partition(":")[0].strip())
        for selector, body in rules
        for text in body.split(";")
        if text.strip()
    ]
    assert len(rules) > 50
    assert [pair for pair, count in Counter(declared).items() if count > 1] == []


def test_many_points_take_little_time() -> None:
    """20,000 points in 313 sheets are written and read within 2 seconds of this thread, which a run can spare."""
    few, sheets = explorer_of(64).points, 313
    points = Points(
        keys=few.keys * sheets,
        labels=few.labels * sheets,
        coordinates=np.tile(few.coordinates, (sheets, 1)),
        numbers={name: np.tile(values, sheets) for name, values in few.numbers.items()},
        findings=few.findings,
        pictured=np.tile(few.pictured, sheets),
        tile=few.tile,
        sheets=few.sheets * sheets,
    )
    explorer = replace(explorer_of(0), points=points)
    start = time.thread_time()
    read = read_explorer(render_explorer(explorer))
    assert time.thread_time() - start < 2
    assert len(read.points) == 64 * sheets
