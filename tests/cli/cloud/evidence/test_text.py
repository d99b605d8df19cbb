"""Tests of texts in two languages, and of the catalogue of French ones."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli.cloud.evidence
from cli.cloud.evidence.text import Text, catalogue, filled, joined, text

PACKAGE = Path(cli.cloud.evidence.__file__).parent
POSITION = {"text": 0, "filled": 0, "fault_of": 1}
"""Functions that take a text of the catalogue, and where it stands among their arguments."""


def _used() -> Iterator[str]:
    """Find the texts that the modules take from the catalogue."""
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in POSITION:
                argument = node.args[POSITION[node.func.id]]
                if isinstance(argument, ast.Constant):
                    yield str(argument.value)


def _places(template: str) -> set[tuple[str | None, str | None]]:
    return {(name, form) for _, name, form, _ in string.Formatter().parse(template) if name is not None}


def test_the_catalogue_has_each_text_and_no_other() -> None:
    """No page stops for a missing text, and no text is left over."""
    assert {*_used()} == {*catalogue()}


@pytest.mark.parametrize("english", [*catalogue()])
def test_a_translation_has_the_same_places(english: str) -> None:
    """Both languages show the same values, in the same form."""
    assert _places(catalogue()[english]) == _places(english)


def test_numbers_are_written_as_each_language_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands and decimals; a text that is filled in stays as it is."""
    english, french = "{count:,.0f} rows, {cost:.2f} of {name}", "{count:,.0f} lignes, {cost:.2f} de {name}"
    monkeypatch.setitem(catalogue(), english, french)
    found = filled(english, count=12345, cost=1.5, name="a,b.c")
    assert found.in_("en") == "12,345 rows, 1.50 of a,b.c"
    assert found.in_("fr") == "12\N{NARROW NO-BREAK SPACE}345 lignes, 1,50 de a,b.c"


def test_french_has_its_spaces_and_apostrophes() -> None:
    """A line never begins with a sign, and an apostrophe is no quotation mark."""
    written = Text("", "l'état : « prêt » ; oui ?").in_("fr")
    space = "\N{NO-BREAK SPACE}"
    assert written == f"l\N{RIGHT SINGLE QUOTATION MARK}état{space}: «{space}prêt{space}»{space}; oui{space}?"


def test_sentences_are_joined_in_both_languages() -> None:
    """The order is kept."""
    assert joined([Text("A.", "B."), Text("C.", "D.")]) == Text("A. C.", "B. D.")
    assert text("Missing: {names}.").french == "Il manque : {names}."
