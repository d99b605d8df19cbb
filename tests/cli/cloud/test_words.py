"""Tests of the writing of times, sizes, names and tables."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cli.cloud import words


@pytest.mark.parametrize(("seconds", "written"), [(0, "0:00"), (59.6, "1:00"), (271, "4:31"), (3871, "1:04:31")])
def test_a_duration_is_minutes_and_seconds(seconds: float, written: str) -> None:
    """A duration of an hour or more has hours, too."""
    assert words.duration(seconds) == written


def test_a_moment_is_written_in_utc() -> None:
    """A time is written in UTC, and says so, for every time zone of the input."""
    there = datetime(2026, 11, 20, 13, 15, tzinfo=timezone(timedelta(hours=1)))
    assert words.moment(there) == words.moment("2026-11-20T12:15:00+00:00") == "2026-11-20 12:15 UTC"
    assert words.moment(datetime(2026, 11, 20, 12, 15, tzinfo=UTC)) == words.moment(there)


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1200, "1.2 KB"),
        (34_500_000, "34.5 MB"),
        (2.5e9, "2.5 GB"),
        (3e12, "3.0 TB"),
    ],
)
def test_a_size_has_the_unit_that_keeps_it_short(count: float, written: str) -> None:
    """A size has a unit from bytes to terabytes."""
    assert words.size(count) == written


@pytest.mark.parametrize(("minutes", "hours"), [(-5, 1), (0, 1), (1, 2), (60, 2), (61, 3), (180, 4)])
def test_hours_contain_a_moment_and_an_hour_before_it(minutes: int, hours: int) -> None:
    """The log of so many hours shows what led to the moment, also when the command is typed some minutes later."""
    now = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
    assert words.hours_since(now - timedelta(minutes=minutes), now) == hours


def test_a_name_never_disturbs_the_terminal() -> None:
    """Escape sequences, and bytes that are not text, are escaped; letters of any language are not."""
    assert words.printable("Açaí 🍇/a\x1b[2J\udce9.jpg") == "Açaí 🍇/a\\x1b[2J\\udce9.jpg"


def test_columns_of_a_table_are_aligned() -> None:
    """Numbers are aligned on the right, and no line ends with spaces."""
    rows = [("run", "cost", "state"), ("a", "0.1", "SUCCESS"), ("bbbb", "10.25", "-"), ("short",)]
    assert words.table(rows, frozenset({1})) == [
        "run     cost  state",
        "a        0.1  SUCCESS",
        "bbbb   10.25  -",
        "short",
    ]


ROWS = [("run", "mode", "images", "cost"), ("20261121T043000Z-3fa94c", "maintain", "1,234", "0.010")]


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(None, []), (48, []), (47, ["mode"]), (40, ["mode"]), (37, ["mode", "images"]), (10, ["mode", "images", "cost"])],
)
def test_a_table_loses_columns_until_it_fits(width: int | None, left_out: list[str]) -> None:
    """Columns are lost in the given order, the others stay aligned, and the last line names what is lost."""
    lines = words.fitted_table(ROWS, frozenset({2, 3}), ["mode", "images", "cost"], width)
    kept = [number for number, name in enumerate(ROWS[0]) if name not in left_out]
    numbers = frozenset(kept.index(number) for number in kept if number >= 2)
    assert lines[:2] == words.table([[row[number] for number in kept] for row in ROWS], numbers)
    assert " ".join(lines[2:]) == (f"A wider terminal shows {', '.join(left_out)}, too." if left_out else "")
    if width and width > 30:
        assert max(map(len, lines[:2])) <= width


@pytest.mark.parametrize("columns", [40, 60])
def test_described_rows_fit_a_narrow_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal, and no word is lost."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = words.described([("status", "says what runs, what waits, and what needs attention"), ("x", "y")], indent=2)
    assert max(map(len, lines)) <= columns
    assert " ".join(" ".join(lines).split()) == "status says what runs, what waits, and what needs attention x y"
