"""Tests of the typography of French texts."""

import pytest

from cdk.typography import typeset

NO_BREAK, THIN, APOSTROPHE = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}", "\N{RIGHT SINGLE QUOTATION MARK}"


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("prêt : oui ; non ! quoi ? « ça » 50 %", "prêt_: oui_; non_! quoi_? «_ça_» 50_%".replace("_", NO_BREAK)),
        ("de 10 000 à 1 234 567 images", f"de 10{THIN}000 à 1{THIN}234{THIN}567 images"),
        ("l'image, l'**image**, l'`image`", "l_image, l_**image**, l_`image`".replace("_", APOSTROPHE)),
        ("le 1 2345", "le 1 2345"),
    ],
)
def test_prose_has_the_spaces_and_apostrophes_of_french(typed: str, seen: str) -> None:
    """A line never begins with a sign, a number never breaks, and an apostrophe is no quotation mark."""
    assert typeset(typed) == seen


@pytest.mark.parametrize(
    "code",
    [
        "`a : b['c']`",
        "[x](u ! v)",
        "texte\n\n    print('a : b')\n\nfin",
        "```py\nprint('l'a : 1 000')\n\nx = 'y' ? 1 : 2\n```",
        "| a |\n| :- |",
        "NAME='Anna'",
    ],
)
def test_code_is_left_as_it_is(code: str) -> None:
    """What a reader copies and types has the plain characters; so have the targets of links, and quotation marks."""
    assert typeset(code) == code


def test_what_is_set_stays_as_it_is() -> None:
    """A text that already has its spaces is not changed."""
    once = typeset("L'image : 10 000")
    assert typeset(once) == once
