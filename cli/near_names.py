"""The name that a user may have meant by a mistyped one."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

COMPARED_AT_MOST = 50_000
"""Number of names among which a mistyped one is looked for: more would take many seconds."""


def hint(asked: Iterable[str], existing: Collection[str]) -> str:
    """Return a question such as `` Did you mean Plum/x.jpg?``, to append to a sentence; empty if no name is near.

    Parameters
    ----------
    asked
        What the mistyped name may stand for, the most probable first.
    """
    if len(existing) > COMPARED_AT_MOST:
        return ""
    names = {name.casefold(): name for name in sorted(existing)}
    close = [name for text in asked for name in get_close_matches(text.casefold(), names, n=1)]
    return f" Did you mean {names[close[0]]}?" if close else ""
