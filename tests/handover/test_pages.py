"""Tests of what the pages on law, security, review, questions and criteria have in common."""

import re
import shlex
from collections.abc import Iterator

import pytest

from cli.main import _parser
from handover.pages import written_pages
from tests.handover.pages import DOCS, ENDINGS, NAMES, ROOT, both, code_in, without_code

PAGES = [f"{name}{ending}" for name in NAMES for ending in ENDINGS]
CODE = re.compile(r"(?:spark_app|cdk|lambdas|contract|cli|handover|tests)/[\w/.]*")


@pytest.mark.parametrize("name", NAMES)
def test_a_translation_has_the_structure_of_the_original(name: str) -> None:
    """Titles, tables, blocks of code, figures and tests correspond, so that no language says less than the other."""
    english, french = both(name)
    for pattern in (r"^#+ ", r"^\|", r"^\d+\. ", r"^- ", r"\{\{ figures\.[\w.]+", r"`test_\w+`", r"^ *```.*?^ *```$"):
        found = [re.findall(pattern, text, re.DOTALL | re.MULTILINE) for text in (english, french)]
        assert found[0] == found[1], pattern


@pytest.mark.parametrize("name", NAMES)
def test_french_has_french_spaces(name: str) -> None:
    """No line can break before a colon, a semicolon, a mark or a percent sign, nor inside of quotation marks."""
    _, french = both(name)
    text = without_code(french)
    # A colon after a cell or the mark of a list belongs to Markdown.
    assert re.findall(r".{0,20}[^|\s-] [:;!?%»](?!-).{0,20}", text) == []
    assert re.findall(r"« .{0,20}", text) == []
    assert re.findall(r"\w[;!?»]", re.sub(r"Fruits!|\?»", "", text)) == []


def test_the_questions_are_thirty() -> None:
    """Each question is a title with its number, and each answer ends with a place to look at."""
    for text in both("questions"):
        assert [int(number) for number in re.findall(r"^### (\d+)\. .*\?$", text, re.MULTILINE)] == [*range(1, 31)]
        answers = re.split(r"^### .*$", text, flags=re.MULTILINE)[1:]
        assert [answer[:60] for answer in answers if not re.search(r"\*(See|Voir)\s?:\s[^*]+\*", answer)] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_named_tests_exist(page: str) -> None:
    """A page refers to tests by their names, which exist."""
    named = set(re.findall(r"`(test_\w+)`", (DOCS / page).read_text()))
    sources = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert {name for name in named if f"def {name}(" not in sources} == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_named_files_exist(page: str) -> None:
    """A page refers to files and folders of the code by their paths, which exist."""
    code = " ".join(code_in((DOCS / page).read_text()))
    named = {path.rstrip(".") for path in CODE.findall(code)}
    assert {path for path in named if not (ROOT / path).exists() and not path.startswith("cdk/choices/")} == set()


def _commands(page: str) -> Iterator[str]:
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE):
        yield from (line.strip() for line in block.splitlines() if line.strip().startswith("fruits "))


@pytest.mark.parametrize("command", sorted({command for page in PAGES for command in _commands(page)}))
def test_a_command_can_be_typed(command: str) -> None:
    """The parser accepts each command in a block of code."""
    _, *arguments = shlex.split(command)
    assert _parser(arguments).parse_args(arguments).command


def test_the_pages_of_figures_are_up_to_date() -> None:
    """The pages with figures contain those of docs/figures.json, and the present costs, as their templates say."""
    written = dict(written_pages())
    assert len(written) == 4
    assert {page: page.read_text() for page in written} == written
