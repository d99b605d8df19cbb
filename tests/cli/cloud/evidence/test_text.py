"""Tests of texts in two languages."""

from cli.cloud.evidence.text import Text, filled, joined


def test_numbers_are_written_as_each_language_writes_them() -> None:
    """Thousands and decimals; a text that is filled in stays as it is."""
    text = filled(
        "{count:,.0f} rows, {cost:.2f} of {name}",
        "{count:,.0f} lignes, {cost:.2f} de {name}",
        count=12345,
        cost=1.5,
        name="a,b.c",
    )
    assert text.in_("en") == "12,345 rows, 1.50 of a,b.c"
    assert text.in_("fr") == "12\N{NARROW NO-BREAK SPACE}345 lignes, 1,50 de a,b.c"


def test_french_has_its_spaces_and_apostrophes() -> None:
    """A line never begins with a sign, and an apostrophe is no quotation mark."""
    written = Text("", "l'état : « prêt » ; oui ?").in_("fr")
    space = "\N{NO-BREAK SPACE}"
    assert written == f"l\N{RIGHT SINGLE QUOTATION MARK}état{space}: «{space}prêt{space}»{space}; oui{space}?"


def test_sentences_are_joined_in_both_languages() -> None:
    """The order is kept."""
    assert joined([Text("A.", "B."), Text("C.", "D.")]) == Text("A. C.", "B. D.")
