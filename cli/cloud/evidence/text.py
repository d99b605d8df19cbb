"""Texts in English and in French, for the pages that a jury and the next team read."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cdk.typography import THIN, typeset

LANGUAGES = ("en", "fr")
"""Codes of the languages."""


class _FrenchNumber(float):
    """A number that a format writes as in French: a narrow no-break space between thousands, a decimal comma."""

    __slots__ = ()

    def __format__(self, specification: str) -> str:
        english = format(float(self), specification)
        return english.translate({ord(","): THIN, ord("."): ","})


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
