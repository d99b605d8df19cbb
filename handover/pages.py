"""`python -m handover.pages` writes the pages of docs/ that name figures: each has a template in docs/templates."""

import sys
from collections.abc import Iterator
from pathlib import Path

from handover.scale import table
from handover.templates import Language, render
from spark_app.errors import FruitsError

DOCS = Path(__file__).parents[1] / "docs"
TEMPLATES = DOCS / "templates"


def written_pages() -> Iterator[tuple[Path, str]]:
    """Yield each page that has a template, and its text with the present figures.

    Raises
    ------
    HandoverError
        If a template names a figure that does not exist.
    """
    for source in sorted(TEMPLATES.glob("*.md.j2")):
        page = DOCS / source.stem
        language = Language.FRENCH if page.name.endswith(".fr.md") else Language.ENGLISH
        yield page, render(source.read_text(), language, scale=table(language))


def main() -> int:
    """Write the pages; return 0, or the exit code of an error, which is printed."""
    try:
        for page, text in written_pages():
            page.write_text(text)
    except FruitsError as error:
        print(f"pages: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
