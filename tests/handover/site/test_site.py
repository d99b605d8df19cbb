"""Tests of the site of docs/: what its sources contain, and, in a browser, that it asks no other host for anything."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from benchmarks.browser import started_browser
from cli.chromium import MISSING, find_browser
from handover.folders import NODE_MODULES, ROOT
from handover.site.__main__ import SITE, main
from handover.site.api_pages import PACKAGES, api_pages, modules
from handover.site.sources import SiteError, Sources

NEEDED = NODE_MODULES / "ready"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a small repository with pages in two languages, and a file of code."""
    pages = {
        "README.md": "# The project\n\nSee [the page](docs/a.md#second-part) and ![p](docs/p.png).\n",
        "code.py": "",
        "docs/a.md": "# A: the page\n\n## Second part\n\n[top](../README.md), [code](../code.py), [a.md](a.md)\n",
        "docs/a.fr.md": "# A\n\n## Seconde partie\n\n[là](#seconde-partie), [b](b.md), [x](https://example.org/x)\n",
        "docs/b.md": "# B\n\n[there](a.fr.md#seconde-partie)\n",
        "docs/presentation/slides.md": "# Slides\n",
        "docs/p.png": "",
    }
    for name, text in pages.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_pages_are_those_of_docs_and_of_the_top_level(repository: Path) -> None:
    """Slides are no pages of the site; the README is one."""
    assert {*Sources.of(repository).places.values()} == {"a.md", "a.fr.md", "b.md", "p.png", "project/readme.md"}


def test_links_lead_to_pages_of_the_site(repository: Path) -> None:
    """Links between docs/ and the top level lead to pages, and a link named after a file has the title of the page."""
    sources = Sources.of(repository)
    assert "[the page](../a.md#second-part) and ![p](../p.png)" in sources.page("README.md")
    assert "[top](project/readme.md), code (`code.py`), [A](a.md)" in sources.page("docs/a.md")


def test_a_translation_has_the_anchors_of_the_original(repository: Path) -> None:
    """Links to a French title lead to the anchor that both languages share."""
    sources = Sources.of(repository)
    page = sources.page("docs/a.fr.md")
    assert "## Seconde partie {#second-part}" in page
    assert "[là](#second-part)" in page
    assert "[x](https://example.org/x)" in page
    assert "[there](a.fr.md#second-part)" in sources.page("docs/b.md")


def test_a_link_to_nothing_is_an_error(repository: Path) -> None:
    """A link to a file that does not exist names the page and the file."""
    (repository / "docs/b.md").write_text("# B\n\n[gone](../cdk/gone.py)\n")
    with pytest.raises(SiteError, match=r"docs/b\.md links to cdk/gone\.py"):
        Sources.of(repository).page("docs/b.md")


def test_the_reference_covers_every_module() -> None:
    """Each module of the packages is on one page, so that no list of pages has to be kept."""
    shown = [entry for _, text in api_pages(ROOT) for entry in re.findall(r"^::: (\S+)$", text, re.MULTILINE)]
    files = [file for name in PACKAGES for file in (ROOT / name).rglob("*.py") if not file.name.startswith("__")]
    expected = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    assert sorted(shown) == sorted(expected)
    assert modules(ROOT / "contract")


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.fr.md")), ids=lambda page: page.name)
def test_french_pages_correspond_to_the_english_ones(page: Path) -> None:
    """A French page has as many titles of each level as the English one, so that their anchors are the same."""
    name = f"docs/{page.name}"
    assert Sources.of(ROOT).page(name).count("{#")


@pytest.fixture(scope="module")
def built() -> Path:
    """Build the site as `make docs` does; a warning of MkDocs is a failure."""
    if not NEEDED.exists():
        pytest.skip("`make handover/node_modules/ready` installs what the pages need.")
    assert main([]) == 0
    return SITE


@pytest.fixture
def page(built: Path) -> Iterator[Page]:
    """Return a page of a browser. At the end, it must have asked for files of the site only, without a complaint."""
    program = find_browser()
    if program is None:
        pytest.skip(MISSING)
    with started_browser(program) as browser:
        opened, complaints, requests = browser.new_page(), list[str](), list[str]()
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("request", lambda request: requests.append(request.url))
        yield opened
        assert complaints == []
        assert [url for url in requests if not url.startswith((built.as_uri(), "data:", "blob:"))] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "word", "found"), [("index.html", "drift", "Operations"), ("fr/index.html", "astreinte", "Exploitation")]
)
def test_the_site_can_be_searched_as_files(built: Path, page: Page, start: str, word: str, found: str) -> None:
    """Without a server, a reader of either language finds a word that a page contains."""
    page.goto((built / start).as_uri())
    page.locator("input.md-search__input").fill(word)
    page.locator(".md-search-result__item h1", has_text=found).first.wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["architecture.html", "fr/architecture.html"])
def test_diagrams_are_drawn_and_fit_a_phone(built: Path, page: Page, name: str) -> None:
    """The browser draws every diagram, with the library of the site, and the page is as wide as the phone."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto((built / name).as_uri())
    page.wait_for_function("document.querySelectorAll('div.mermaid').length === 4")
    assert page.locator("pre.mermaid").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 390
