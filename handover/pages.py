"""`python -m handover.pages` writes the pages of docs/ that name figures: each has a template in docs/templates."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from handover.folders import DOCS
from handover.mains import run_main
from handover.scale import table
from handover.templates import language_of, render
from spark_app.options import Parser

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
        language = language_of(page.name)
        yield page, render(source.read_text(), language, scale=table(language))


def main(words: Sequence[str] | None = None) -> int:
    """Write the pages; return 0, the exit code of an error, which is printed, or 130 after Ctrl-C."""
    Parser(prog="python -m handover.pages", description="Write the pages of docs/ that name figures.").parse_args(words)
    return run_main("pages", _write_all)


def _write_all() -> int:
    for page, text in written_pages():
        page.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
