"""Tests of the pages for newcomers and juries: their commands can be typed, and their amounts are computed ones."""

import re
import shlex
from pathlib import Path

import pytest

from cdk.costs.french import notation
from cdk.typography import NO_BREAK
from cli.main import _parser

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def _text(name: str) -> str:
    return (DOCS / name).read_text()


def _commands(page: str) -> list[str]:
    """Return the lines of the blocks of code of a page."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


def test_both_tutorials_have_the_same_commands() -> None:
    """The French tutorial types what the English one types, in the same order."""
    assert _commands(_text("tutorial.fr.md")) == _commands(_text("tutorial.md"))


@pytest.mark.parametrize("command", sorted({*_commands(_text("tutorial.md"))} - {"source .venv/bin/activate"}))
def test_a_command_of_the_tutorial_can_be_typed(command: str) -> None:
    """The parser accepts each command, and the Makefile has each target."""
    program, *arguments = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert program == "fruits"
        assert _parser(arguments).parse_args(arguments).command


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_a_program_of_a_page_does_something(page: Path) -> None:
    """What a page starts with `python -m` is a program, and no module that only defines functions."""
    names = [name.split(".") for name in re.findall(r"python -m ([\w.]*\w)", page.read_text())]
    ours = [ROOT.joinpath(*name) for name in names if any(ROOT.joinpath(name[0]).glob("*.py"))]
    files = [module / "__main__.py" if module.is_dir() else module.with_suffix(".py") for module in ours]
    assert [file for file in files if '__name__ == "__main__"' not in file.read_text()] == []


def test_amounts_of_the_bricks_are_computed_ones() -> None:
    """Each amount on the page is one of docs/costs.md, so that a change of prices is noticed."""
    computed = set(re.findall(r"\d[\d,]*\.\d+|\d{3}", _text("costs.md")))
    assert set(re.findall(r"\$(\d[\d,]*(?:\.\d+)?)", _text("bricks.md"))) <= computed


def test_times_of_the_bricks_are_measured_ones() -> None:
    """Each time on the page is one of docs/performance.md."""
    measured = set(re.findall(r"\d+\.\d+", _text("performance.md")))
    times = set(re.findall(r"(\d+\.\d+) m?s\b", _text("bricks.md")))
    assert times
    assert times <= measured


def test_both_pages_of_the_bricks_have_the_same_numbers() -> None:
    """The French page has the amounts and the times of the English one."""
    english = re.findall(r"\$(\d[\d.,]*\d)", _text("bricks.md")) + re.findall(r"(\d+\.\d+) m?s\b", _text("bricks.md"))
    french = re.findall(rf"(\d[\d,]*){NO_BREAK}\$", _text("bricks.fr.md"))
    french += re.findall(r"(\d+,\d+) m?s\b", _text("bricks.fr.md"))
    assert sorted(french) == sorted(map(notation, english))
