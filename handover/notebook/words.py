"""What the code of the notebook says, in the language of the notebook: sentences, headings, and labels of figures."""

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]  # it publishes no types

from cdk.typography import typeset
from handover.templates import Language, filters

WORDS = Path(__file__).with_name("words.toml")
"""Sentences and words in both languages."""

TINY = 1e-3
"""Absolute value below which a fraction is written with an exponent."""

DIGITS = {100: 0, 10: 1, 1: 2, 0: 3}
"""Least absolute value of a fraction → digits after its decimal point."""


@dataclass(frozen=True)
class Speaker:
    """Says sentences and names things in one language.

    Attributes
    ----------
    language
        A value of `Language`.
    """

    language: str

    @cached_property
    def _words(self) -> dict[str, dict[str, str]]:
        """Kind of words → name → words in the language."""
        of_kinds = tomllib.loads(WORDS.read_text())
        mine = {kind: {name: both[self.language] for name, both in words.items()} for kind, words in of_kinds.items()}
        if self.language == Language.ENGLISH:
            return mine
        return {kind: {name: typeset(text) for name, text in words.items()} for kind, words in mine.items()}

    def __call__(self, sentence: str, **values: object) -> None:
        """Print a sentence with its values; numbers appear as the language writes them."""
        words = self._words["sentences"][sentence]
        print(words.format(**{name: self.number(value) for name, value in values.items()}))

    def name(self, word: str, **values: object) -> str:
        """Return a word of a table or a figure."""
        return self._words["names"][word].format(**values)

    def number(self, value: object) -> str:
        """Write a number as the language does: fractions with three digits, tiny ones with an exponent."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return str(value)
        number = filters(Language(self.language))["number"]
        if isinstance(value, int) or value == 0:
            return str(number(value))
        size = abs(value)
        if size < TINY:
            return f"{value:.0e}"
        return str(number(value, next(digits for least, digits in DIGITS.items() if size >= least)))

    def percent(self, share: float, digits: int = 1) -> str:
        """Write a share as a percentage."""
        return str(filters(Language(self.language))["percent"](share, digits))

    def dollars(self, amount: float) -> str:
        """Write an amount in USD."""
        return str(filters(Language(self.language))["dollars"](amount, 2 if amount >= 1 else 4))

    def table(self, rows: list[dict[str, object]]) -> pd.DataFrame:
        """Return a table for the reader: headings are names of `WORDS`, numbers are written as the language does."""
        written = [{self.name(key): self.number(value) for key, value in row.items()} for row in rows]
        frame = pd.DataFrame(written)
        return frame.set_index(frame.columns[0])
