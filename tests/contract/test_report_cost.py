"""Tests of the cost of a run in its report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.report_cost import COST_PLACE, has_cost, with_cost

USD = st.floats(0, 1e6)
AROUND = st.text(st.characters(exclude_characters="<>", codec="utf-8"))


def _page(before: str, after: str) -> bytes:
    return f"<p>{before}</p>{COST_PLACE}<p>{after}</p>".encode()


@given(before=AROUND, after=AROUND, first=USD, second=USD)
def test_the_cost_takes_its_place_and_nothing_else(before: str, after: str, first: float, second: float) -> None:
    """A cost replaces an earlier one, the same cost changes nothing, and the rest of the report stays as it is."""
    page = _page(before, after)
    priced = with_cost(page, first)
    assert has_cost(priced)
    assert not has_cost(page)
    assert with_cost(priced, first) == priced
    assert with_cost(priced, second) == with_cost(page, second)
    assert priced.startswith(f"<p>{before}</p>".encode())
    assert priced.endswith(f"<p>{after}</p>".encode())


@pytest.mark.parametrize(
    ("usd", "words"), [(0.1605, b"0.161 USD"), (1234.5, b"1,234.500 USD"), (0.00001, b"less than 0.001 USD")]
)
def test_a_cost_is_written_as_by_the_commands(usd: float, words: bytes) -> None:
    """The amount has three decimals, and an amount below them does not look like nothing."""
    assert b"<b>" + words + b"</b>" in with_cost(COST_PLACE.encode(), usd)


@pytest.mark.parametrize(
    "page", [b"", b"\xff", b"<html></html>", COST_PLACE.replace("<", "&lt;").encode(), COST_PLACE[:-1].encode()]
)
def test_a_report_without_a_place_stays_as_it_is(page: bytes) -> None:
    """A report of an earlier version, and a text that looks like the place, are not changed."""
    assert with_cost(page, 0.16) == page
    assert not has_cost(page)
