"""Tests of docs/criteria.md and its translation: the grid leads to commands and sections that exist."""

import re

import pytest

from cli.subcommands import COMMANDS
from tests.handover.pages import DOCS, ENDINGS, ROOT, code_in

GRIDS = [f"criteria{ending}" for ending in ENDINGS]
ANSWERS = [f"questions{ending}" for ending in ENDINGS]
STATES = {"shown", "rehearsed", "open", "montré", "répété", "ouvert", "ouverte"}


@pytest.mark.parametrize("page", GRIDS)
def test_the_commands_of_the_grid_exist(page: str) -> None:
    """Each `fruits` command is one of the commands, and each `make` has a target."""
    code = code_in((DOCS / page).read_text())
    makefile = (ROOT / "Makefile").read_text()
    targets = {one.split()[1] for one in code if one.startswith("make ")}
    assert {target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()
    commands = {one.split()[1] for one in code if one.startswith("fruits ")}
    assert commands - COMMANDS.keys() == set()


@pytest.mark.parametrize("page", GRIDS)
def test_every_criterion_says_whether_it_is_shown_rehearsed_or_open(page: str) -> None:
    """The last cell of each criterion has one of the three states, or refers to another page."""
    rows = [line for line in (DOCS / page).read_text().splitlines() if line.startswith("| ")]
    criteria = [row for row in rows if not re.match(r"\| crit(erion|ère) ", row)]
    states = [set(re.findall(r"\w+", row.strip("| ").split("|")[-1])) for row in criteria]
    assert [row for row, words in zip(criteria, states, strict=True) if not words & (STATES | {"see", "voir"})] == []


@pytest.mark.parametrize("page", [*GRIDS, *ANSWERS])
def test_the_sections_of_the_notebook_exist(page: str) -> None:
    """The notebook has the sections that the pages refer to by their numbers."""
    named = set(re.findall(r"notebook,\ssection\s(\d+)", (DOCS / page).read_text()))
    sections = set(re.findall(r"^# ## (\d+)\. ", (ROOT / "notebooks/fruits.py").read_text(), re.MULTILINE))
    assert named
    assert named - sections == set()
