"""The page of the explorer: one HTML file that needs no network, and that the next run can read again."""

import base64
import hashlib
import html
import re
from functools import cache
from importlib.resources import files
from string import Template

from spark_app.errors import ExplorerPageError, InstallationError
from spark_app.explorer.data import Explorer, Points
from spark_app.explorer.payload import Payload, from_payload, to_payload

PROGRAM = "explore.js"
"""The program of the page, which `make` builds of ``web/`` and of the library that draws."""

PAGE_BYTES = 9_900_000
"""Maximum size of the page, except for the names of its sheets."""

BASE64 = 4 / 3
"""Characters per byte."""

BLOCK = '<script type="text/plain" id="{name}">'
"""Begin of a block of data. A browser neither executes such an element nor finds markup in base64."""


def render_explorer(explorer: Explorer) -> str:
    """Return the explorer as an HTML document, without references to other files except a link to the report.

    The texts of users are in the compressed data only, and the program of the page shows them as text.

    Raises
    ------
    InstallationError
        If the program of the page has not been built.
    """
    payload = to_payload(explorer)
    style, program = _resource("explore.css"), _program()
    return Template(_resource("explore.html")).substitute(
        run_id=html.escape(explorer.run_id),
        style_hash=_source_of(style),
        program_hash=_source_of(program),
        style=style,
        program=program,
        points=payload.points,
        sheets=payload.sheets,
    )


def room_for_sheets(points: Points) -> float:
    """Return the number of bytes that the sheets may have on a page that shows points; negative if it is full already.

    Parameters
    ----------
    points
        Points without pictures.
    """
    page = render_explorer(Explorer("", "", len(points), [0.0] * points.coordinates.shape[1], points))
    return (PAGE_BYTES - len(page)) / BASE64


def check_program() -> None:
    """Check that the program of the page has been built, before a run computes anything.

    Raises
    ------
    InstallationError
        If it has not.
    """
    _program()


def read_explorer(page: str) -> Explorer:
    """Return the data of a page that `render_explorer` has made.

    Raises
    ------
    ExplorerPageError
        If the text is not such a page, or damaged.
    """
    return from_payload(Payload(_block(page, "points"), _block(page, "sheets")))


def _block(page: str, name: str) -> str:
    # The blocks come before the program and contain no text of users, so that the first match is the block itself.
    found = re.search(rf"{re.escape(BLOCK.format(name=name))}([A-Za-z0-9+/=\n]*)</script>", page)
    if found is None:
        raise ExplorerPageError(f"it has no block of {name}")
    return found[1]


def _source_of(text: str) -> str:
    """Return the source expression by which a content security policy allows this text and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _program() -> str:
    try:
        return _resource(PROGRAM)
    except FileNotFoundError:
        path = f"spark_app/explorer/{PROGRAM}"
        raise InstallationError(f"The program of the explorer, {path}, has not been built: run make {path}.") from None


@cache
def _resource(name: str) -> str:
    # An application in the cloud is a ZIP archive, so its files have no paths.
    return files("spark_app.explorer").joinpath(name).read_text("utf-8")
