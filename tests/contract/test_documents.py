"""Tests of JSON documents with a checksum."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest

from contract.documents import CHECKSUM, Document, DocumentError


class Fruit(StrEnum):
    """An enumeration in a document."""

    APPLE = "apple"


@dataclass(frozen=True)
class Part:
    """A dataclass in a document."""

    name: str
    weight: float | None = None


@dataclass(frozen=True)
class Basket(Document):
    """A document with a field of every type that documents have."""

    fruit: Fruit
    count: int
    share: float
    fresh: bool
    parts: list[Part]
    pairs: list[tuple[str, int]]
    named: dict[str, Part] = field(default_factory=dict)
    anything: dict[str, Any] = field(default_factory=dict)


BASKET = Basket(
    fruit=Fruit.APPLE,
    count=3,
    share=0.1,
    fresh=True,
    parts=[Part("kiwi ✓ \ud800"), Part("fig", 2.5)],
    pairs=[("a", 1)],
    named={"x": Part("y")},
    anything={"deep": [None]},
)


def _document(**changes: object) -> str:
    """Write the basket with other values and without a checksum, as an earlier version would."""
    content = json.loads(BASKET.to_json()) | changes
    del content[CHECKSUM]
    return json.dumps(content)


def test_a_document_is_read_as_it_was_written() -> None:
    """Types, characters and numbers survive, and a document of an earlier version needs no checksum."""
    text = BASKET.to_json().encode(errors="backslashreplace")
    assert Basket.from_json(text) == BASKET
    assert Basket.from_json(_document()) == BASKET


def test_no_flipped_bit_changes_a_document_unnoticed() -> None:
    """Whichever bit of the text flips: the document is refused, or it is the same."""
    text = BASKET.to_json().encode(errors="backslashreplace")
    for position in range(8 * len(text)):
        damaged = bytearray(text)
        damaged[position // 8] ^= 1 << position % 8
        try:
            assert Basket.from_json(bytes(damaged)) == BASKET
        except DocumentError:
            continue


@pytest.mark.parametrize("length", [0, 1, 50, -3])
def test_a_cut_document_is_refused(length: int) -> None:
    """A document that was not written to its end is refused."""
    with pytest.raises(DocumentError):
        Basket.from_json(BASKET.to_json()[:length])


@pytest.mark.parametrize("text", ["7", "[]", "null", '"text"', "[" * 100_000, '{"a":' * 100_000, "{}", "\ud800"])
def test_other_json_is_refused(text: str) -> None:
    """Only an object with the fields of the class is a document, however deep or odd the JSON is."""
    with pytest.raises(DocumentError):
        Basket.from_json(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"count": "3"},
        {"count": 3.5},
        {"count": True},
        {"share": "0.1"},
        {"fresh": 1},
        {"fruit": "plum"},
        {"parts": {}},
        {"parts": ["fig"]},
        {"parts": [{"weight": 1.0}]},
        {"pairs": [["a", 1, 2]]},
        {"named": {"x": None}},
        {"unknown": 1},
    ],
)
def test_a_value_of_another_type_is_refused(changes: dict[str, object]) -> None:
    """A document of another version, or one that was edited, is refused instead of failing somewhere else."""
    with pytest.raises(DocumentError):
        Basket.from_json(_document(**changes))


def test_an_integer_stands_for_a_float() -> None:
    """JSON does not tell 1 from 1.0."""
    assert Basket.from_json(_document(share=1)).share == 1.0
