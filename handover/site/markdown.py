"""What GitHub and Python-Markdown read differently in our pages: links, nested lists, and the anchors of titles."""

import re
from collections.abc import Callable
from itertools import zip_longest

FENCE = re.compile(r"(^ *```.*?^ *``` *$\n?)", re.DOTALL | re.MULTILINE)
"""A block of code between fences, as a group, so that `split` keeps it."""

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
"""A link or an image: the mark of an image, the text, the target."""

TITLE = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)

NUMBERED, BULLET = re.compile(r"\d+\. "), re.compile(r"- ")


def outside_code(text: str, change: Callable[[str], str], code: Callable[[str], str] = str) -> str:
    """Change the parts of a page that are no blocks of code, and the blocks of code by another function."""
    return "".join((code if number % 2 else change)(part) for number, part in enumerate(FENCE.split(text)))


def with_links(text: str, change: Callable[[str, str, str], str]) -> str:
    """Replace each link and image.

    Parameters
    ----------
    change
        Function of `!` or nothing, the text and the target, which returns the Markdown instead.
    """
    return outside_code(text, lambda part: LINK.sub(lambda found: change(*found.groups()), part))


def titles(text: str) -> list[tuple[int, str]]:
    """List the titles of a page: level and text."""
    return [(len(marks), title) for marks, title in TITLE.findall(outside_code(text, str, lambda _: ""))]


def anchor(title: str) -> str:
    """Return the anchor that GitHub gives a title, without the number that it adds to a repeated one."""
    words = re.sub(r"`|\*|\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def anchors_of_translation(original: str, translation: str) -> dict[str, str] | None:
    """Return the anchor of each title of a translation → that of the original; `None` if the titles do not correspond.

    Both pages have the same anchors on the site then, so that a reader can change the language in the middle of a page.
    """
    pairs = list(zip_longest(titles(original), titles(translation), fillvalue=(0, "")))
    if any(one[0] != other[0] for one, other in pairs):
        return None
    return {anchor(other[1]): anchor(one[1]) for one, other in pairs}


def with_anchors(text: str, anchors: dict[str, str]) -> str:
    """Give each title of a page the anchor that belongs to it."""

    def title(found: re.Match[str]) -> str:
        return f"{found[0]} {{#{anchors[anchor(found[2])]}}}"

    return outside_code(text, lambda part: TITLE.sub(title, part))


def with_wide_lists(text: str) -> str:
    """Indent what belongs to an item of a list by four spaces: Python-Markdown needs them, GitHub two or three."""
    lines, width = [], 0
    for line in text.splitlines(keepends=True):
        if item := NUMBERED.match(line) or BULLET.match(line):
            width = item.end()
        elif width and line.strip() and not line.startswith(" "):
            width = 0
        belongs = width and line.startswith(" " * width)
        lines.append(" " * (4 - width) + line if belongs and width < 4 else line)  # noqa: PLR2004 -- the width
    return "".join(lines)
