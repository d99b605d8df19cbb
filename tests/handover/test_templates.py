"""Tests of the templates of documents."""

import pytest

from handover.errors import HandoverError
from handover.templates import Language, render


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (Language.ENGLISH, "12,345.7 and $1,234.50 and 12.3%"),
        (Language.FRENCH, "12\u202f345,7 and 1\u202f234,50\u00a0$ and 12,3\u00a0%"),
    ],
)
def test_numbers_are_written_as_their_language_does(language: Language, expected: str) -> None:
    """Separators, the percent sign and the dollar stand where readers of the language expect them."""
    source = "{{ 12345.678 | number(1) }} and {{ 1234.5 | dollars }} and {{ 0.1234 | percent(1) }}"
    assert render(source, language) == expected


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{{ figures.costs.nothing }}", "has no attribute 'nothing'. Correct the document, or run `make figures`"),
        ("{{ figures.costs", "A document is no valid template"),
    ],
)
def test_a_wrong_template_is_a_mistake_of_its_author(source: str, sentence: str) -> None:
    """A figure that does not exist never becomes an empty place in a document; the author gets a sentence."""
    with pytest.raises(HandoverError) as caught:
        render(source, Language.ENGLISH)
    assert sentence in str(caught.value)
