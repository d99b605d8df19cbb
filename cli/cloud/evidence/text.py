"""Texts in English and in French, for the pages that a jury and the next team read."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "fr")
"""Codes of the languages."""

_BEFORE_SIGN = re.compile(r" (?=[:;!?%»])")
_AFTER_GUILLEMET = re.compile(r"(?<=«) ")


class _FrenchNumber(float):
    """A number that a format writes as in French: a narrow no-break space between thousands, a decimal comma."""

    __slots__ = ()

    def __format__(self, specification: str) -> str:
        english = format(float(self), specification)
        return english.translate({ord(","): "\N{NARROW NO-BREAK SPACE}", ord("."): ","})


@dataclass(frozen=True)
class Text:
    """A text in both languages. The French one has plain spaces and apostrophes; `in_` typesets it."""

    english: str
    french: str

    def in_(self, language: str) -> str:
        """Return the text in a language, given by its code."""
        return typeset(self.french) if language == "fr" else self.english


def text(english: str) -> Text:
    """Return a text of the catalogue."""
    return Text(english, catalogue()[english])


def filled(english: str, **values: object) -> Text:
    """Fill values into a text of the catalogue.

    Numbers need a format, such as ``{rows:,.0f}``, and are written as the language writes them.
    """
    in_french = {
        name: _FrenchNumber(value) if isinstance(value, int | float) else value for name, value in values.items()
    }
    return Text(english.format(**values), catalogue()[english].format(**in_french))


@cache
def catalogue() -> dict[str, str]:
    """Return the French text of each English one."""
    return dict(json.loads(Path(__file__).with_name("french.json").read_text(encoding="utf-8")))


def joined(texts: Iterable[Text]) -> Text:
    """Return texts one after the other, as the sentences of a paragraph."""
    found = tuple(texts)
    return Text(" ".join(one.english for one in found), " ".join(one.french for one in found))


def typeset(french: str) -> str:
    """Put the typographic apostrophes and the no-break spaces of French into a text."""
    spaced = _AFTER_GUILLEMET.sub("\N{NO-BREAK SPACE}", _BEFORE_SIGN.sub("\N{NO-BREAK SPACE}", french))
    return spaced.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
