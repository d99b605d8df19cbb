"""Tests of the notices."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.notices import Notice, NoticeError, NoticeType

SEGMENT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/"), min_size=1).filter(
    lambda segment: segment not in {".", ".."}
)
KEYS = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)
SEQUENCERS = st.integers(0, 16**18).map(lambda number: f"{number:X}")
NOTICES = st.builds(
    Notice,
    key=KEYS,
    op=st.just(NoticeType.CREATED),
    etag=st.text(min_size=1),
    size=st.integers(0, 2**40),
    sequencer=st.none() | SEQUENCERS,
) | st.builds(Notice, key=KEYS, op=st.just(NoticeType.REMOVED), sequencer=st.none() | SEQUENCERS)


@given(NOTICES)
def test_a_notice_survives_its_line(notice: Notice) -> None:
    """A notice with any key and etag is one line, and equals the notice that is read from it."""
    line = notice.to_json()
    assert "\n" not in line
    assert Notice.from_json(line.encode("utf-8", "surrogatepass")) == notice


DIGITS = st.text("0123456789abcdefABCDEF", min_size=1, max_size=64)


@given(DIGITS, DIGITS)
def test_notices_of_a_key_are_in_the_order_of_their_sequencers(one: str, other: str) -> None:
    """The shorter sequencer is padded with zeros on the right, as AWS documents; upper and lower case are the same."""
    first, second = (Notice(key="a", op=NoticeType.REMOVED, sequencer=text) for text in (one, other))
    # An independent comparison: digit by digit, as the fractions 0.one and 0.other.
    numbers = [int(text, 16) * 16 ** (64 - len(text)) for text in (one, other)]
    assert (first.order < second.order) == (numbers[0] < numbers[1])
    assert (first.order == second.order) == (numbers[0] == numbers[1])


def test_a_longer_sequencer_is_not_the_later_one_for_its_length() -> None:
    """A removal whose sequencer has more digits does not take the place of a later upload with fewer digits."""
    removed = Notice(key="a", op=NoticeType.REMOVED, sequencer="0055AED6DCD90281E4")
    put_back = Notice(key="a", op=NoticeType.CREATED, etag="1", size=1, sequencer="0055AED6DCD90281E5")
    later = Notice(key="a", op=NoticeType.CREATED, etag="2", size=1, sequencer="0055AED6DCD903")
    assert removed.order < put_back.order < later.order


GOOD = {"key": "a/b.jpg", "op": "created", "etag": "1", "size": 1, "sequencer": "0A"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"key": None}, "there is no key"),
        ({"key": ""}, "there is no key"),
        ({"key": "/a"}, "an empty folder name"),
        ({"key": "a//b"}, "an empty folder name"),
        ({"key": "a/"}, "an empty folder name"),
        ({"key": "a/../b"}, "an empty folder name"),
        ({"key": "a\nb"}, "control characters"),
        ({"key": "a\ud800"}, "not valid Unicode"),
        ({"op": "moved"}, "neither created nor removed: 'moved'"),
        ({"op": None}, "neither created nor removed"),
        ({"op": []}, "neither created nor removed"),
        ({"etag": None}, "has an etag"),
        ({"etag": 5}, "has an etag"),
        ({"size": None}, "has a size"),
        ({"size": -1}, "has a size"),
        ({"size": True}, "has a size"),
        ({"size": "1"}, "has a size"),
        ({"size": 2**63}, "has a size"),
        ({"etag": "a\ud800"}, "has an etag"),
        ({"op": "removed", "etag": 5}, "any etag is text"),
        ({"op": "removed", "size": "1"}, "any size is a number"),
        ({"sequencer": "xyz"}, "not a hexadecimal number: 'xyz'"),
        ({"sequencer": 5}, "not a hexadecimal number"),
        ({"sequencer": "0" * 65}, "not a hexadecimal number"),
    ],
)
def test_an_invalid_value_raises_an_error_with_the_reason(change: dict[str, object], reason: str) -> None:
    """Each invalid value raises a `NoticeError` with its reason."""
    with pytest.raises(NoticeError, match=reason):
        Notice.from_json(json.dumps(GOOD | change))


@pytest.mark.parametrize("line", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'"text"', b"[" * 100_000])
def test_a_line_that_is_no_object_is_no_notice(line: bytes) -> None:
    """A line that is not a JSON object, not text, or too deep for the parser raises a `NoticeError`."""
    with pytest.raises(NoticeError):
        Notice.from_json(line)


def test_fields_of_later_versions_are_left_alone() -> None:
    """A line with unknown fields is read as a line without them."""
    assert Notice.from_json(json.dumps(GOOD | {"region": "eu-west-1"})) == Notice.from_json(json.dumps(GOOD))
