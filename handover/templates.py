"""Templates of documents in English and French: they take their figures from docs/figures.json."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal
from jinja2 import Environment, StrictUndefined, Template, TemplateError

from handover.errors import HandoverError
from handover.folders import DOCS

FIGURES = DOCS / "figures.json"
"""The figures of all documents, which `python -m handover.figures` writes."""


class Language(StrEnum):
    """Language of a document."""

    ENGLISH = "en"
    FRENCH = "fr"


def language_of(name: str) -> Language:
    """Return the language of a page by the name of its file."""
    return Language.FRENCH if name.endswith(".fr.md") else Language.ENGLISH


PERCENT_AND_DOLLARS = {
    Language.ENGLISH: ("{}%", "${}"),
    Language.FRENCH: ("{}\N{NO-BREAK SPACE}%", "{}\N{NO-BREAK SPACE}$"),
}
"""How a language writes a percentage and an amount."""


def environment(language: Language) -> Environment:
    """Return the environment of Jinja with the filters of a language: `number`, `dollars` and `percent`.

    A template that names a figure that does not exist is an error.
    """
    templates = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701 -- Markdown
    templates.filters |= filters(language)
    templates.globals["figures"] = figures()
    return templates


def filters(language: Language) -> dict[str, Any]:
    """Return the filters: name → function of a number and the digits after the decimal point."""
    share, amount = PERCENT_AND_DOLLARS[language]

    def number(value: float, digits: int = 0) -> str:
        return str(format_decimal(value, f"#,##0.{'0' * digits}".rstrip("."), locale=language))

    def dollars(value: float, digits: int = 2) -> str:
        return amount.format(number(value, digits))

    def percent(value: float, digits: int = 0) -> str:
        return share.format(number(100 * value, digits))

    return {"number": number, "dollars": dollars, "percent": percent}


def figures(file: Path | None = None) -> dict[str, Any]:
    """Return the sections of docs/figures.json, or of another file of figures.

    Raises
    ------
    HandoverError
        If the file can't be read, or contains no sections.
    """
    file = FIGURES if file is None else file
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise HandoverError(f"{file} is not a JSON document that can be read: restore it with git.") from error
    if not isinstance(found, dict):
        raise HandoverError(f"{file} contains no sections of figures: restore it with git.")
    return found


def fill_in(template: Template, **variables: object) -> str:
    """Fill in a template of `environment`.

    Raises
    ------
    HandoverError
        If the template names a figure or a variable that does not exist.
    """
    try:
        return template.render(variables)
    except TemplateError as error:
        raise HandoverError(
            f"A document can't be filled in: {error}. Correct the document, or run `make figures`."
        ) from error


def render(source: str, language: Language, **variables: object) -> str:
    """Fill in a text.

    Raises
    ------
    HandoverError
        If the text is no template, or names a figure that does not exist.
    """
    try:
        template = environment(language).from_string(source)
    except TemplateError as error:
        raise HandoverError(f"A document is no valid template: {error}.") from error
    return fill_in(template, **variables)
