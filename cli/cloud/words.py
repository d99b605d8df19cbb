"""How the commands write times, sizes, names, tables and paragraphs."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from math import ceil

from spark_app.words import counted as counted  # noqa: PLC0414 -- exported

NOTHING = "-"
"""The entry of a table for an unknown value."""

MINUTE, HOUR = 60, 3600
KILO = 1000

GAP = 2
"""Spaces between two columns."""

NARROWEST, WIDEST = 40, 100
"""Widths of lines, in characters, whatever the terminal has."""


def duration(seconds: float) -> str:
    """Write a duration as minutes and seconds, such as ``4:31``, or with hours, such as ``1:04:31``."""
    minutes, rest = divmod(round(seconds), MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(when: datetime | str) -> str:
    """Write a point in time, given as an object or in ISO format, such as ``2026-11-20 12:15 UTC``."""
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def size(count: float) -> str:
    """Write a number of bytes, such as ``1.2 GB``."""
    if count < KILO:
        return f"{count} bytes"
    for unit in ("KB", "MB", "GB"):
        count /= KILO
        if count < KILO:
            return f"{count:.1f} {unit}"
    return f"{count / KILO:.1f} TB"


def printable(name: str) -> str:
    """Write a name so that any terminal can show it: escape control characters, and bytes that are not text."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in name)


def table(rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()) -> list[str]:
    """Write rows of cells as lines with aligned columns; those in `numbers` are aligned on the right."""
    widths = _widths(rows)
    return [
        (" " * GAP)
        .join(
            cell.rjust(widths[position]) if position in numbers else cell.ljust(widths[position])
            for position, cell in enumerate(row)
        )
        .rstrip()
        for row in rows
    ]


def fitted_table(
    rows: Sequence[Sequence[str]], numbers: frozenset[int], dispensable: Sequence[str], width: int | None
) -> list[str]:
    """Write a table without the columns for which the terminal has no room, and say which these are.

    Parameters
    ----------
    rows
        Rows of cells; the first one is the header.
    dispensable
        Columns by their headers, in the order in which they are left out.
    width
        Number of characters in a line; `None` for no limit.
    """
    kept, left_out = list(range(len(rows[0]))), list[str]()
    for name in dispensable:
        if width is None or sum(widths := _widths(_only(rows, kept))) + GAP * (len(widths) - 1) <= width:
            break
        kept.remove(rows[0].index(name))
        left_out.append(name)
    lines = table(_only(rows, kept), frozenset(map(kept.index, numbers & set(kept))))
    note = f"A wider terminal shows {', '.join(left_out)}, too." if left_out else ""
    return [*lines, *(wrapped(note) if note else ())]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]


def _only(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> list[list[str]]:
    return [[row[column] for column in columns] for row in rows]


def terminal_width() -> int | None:
    """Return the number of characters in a line of the terminal; `None` if the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def dollars(amount: float | None) -> str:
    """Write an amount of USD, such as ``0.312``."""
    return NOTHING if amount is None else f"{amount:,.3f}"


def ago(when: datetime, now: datetime) -> str:
    """Write how long ago a point in time is, such as ``5 minutes ago``."""
    seconds = max(0, (now - when).total_seconds())
    for unit, length in (("day", 24 * HOUR), ("hour", HOUR), ("minute", MINUTE)):
        if seconds >= 2 * length or (unit == "minute" and seconds >= length):
            return f"{counted(int(seconds // length), unit)} ago"
    return "just now"


def hours_since(when: datetime, now: datetime) -> int:
    """Return the number of the last hours that contain a point in time and an hour before it."""
    return ceil(max(0, (now - when).total_seconds()) / HOUR) + 1


def sentence(text: str) -> str:
    """End a text with a full stop, unless it ends like a sentence."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """Break a text into lines as wide as the terminal; `first` and `rest` begin the first line and the others."""
    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    lines = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return lines or [first.rstrip()]


def described(rows: Sequence[tuple[str, str]], indent: int = 0) -> list[str]:
    """Write rows of a subject and a description, with the descriptions below each other.

    Parameters
    ----------
    indent
        Number of spaces before each line.
    """
    column = indent + max((len(subject) for subject, _ in rows), default=0) + 2
    return [
        line for subject, text in rows for line in wrapped(text, f"{'':{indent}}{subject}".ljust(column), " " * column)
    ]
