"""Tests of the words of the notebook, in both languages."""

import re
import string
import tomllib

import numpy as np

from handover.notebook.making import SOURCE
from handover.notebook.words import WORDS, Speaker
from handover.templates import Language


def test_each_sentence_has_the_same_values_in_both_languages() -> None:
    """A translation leaves out no value, and adds none."""
    for kind in tomllib.loads(WORDS.read_text()).values():
        for name, words in kind.items():
            fields = [{field for _, field, *_ in string.Formatter().parse(words[language])} for language in Language]
            assert fields[0] == fields[1], name


def test_numbers_are_written_as_the_language_does() -> None:
    """French has a comma, and a narrow space between thousands."""
    french, english = Speaker("fr"), Speaker("en")
    assert (english.number(12_345), french.number(12_345)) == ("12,345", "12\N{NARROW NO-BREAK SPACE}345")
    assert (english.number(1.5), french.number(0.995)) == ("1.50", "0,995")
    assert english.number(3.2e-5) == "3e-05"


def test_the_words_of_the_figures_exist() -> None:
    """Every word that the code asks for is in the file of words."""
    words = tomllib.loads(WORDS.read_text())
    code = SOURCE.read_text() + WORDS.with_name("figures.py").read_text()
    assert set(re.findall(r"say\.name\(\"(\w+)\"", code)) <= words["names"].keys()
    assert set(re.findall(r"\bsay\(\s*\"(\w+)\"", code)) == words["sentences"].keys()
    assert np.all([len(both) == len(Language) for kind in words.values() for both in kind.values()])
