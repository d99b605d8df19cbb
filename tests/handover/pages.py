"""Reads pages of docs/ and the templates that they describe."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

NAMES = ("gdpr", "security", "review", "questions", "criteria")
"""Pages that exist in English and French."""

ENDINGS = (".md", ".fr.md")

Row = list[str]


def both(name: str) -> tuple[str, str]:
    """Return the English and the French text of a page."""
    english, french = ((DOCS / f"{name}{ending}").read_text() for ending in ENDINGS)
    return english, french


def rows_between(text: str, mark: str) -> list[Row]:
    """Return the cells of the table between two marks, without its head."""
    (table,) = re.findall(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", text, re.DOTALL)
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[2:]]


def code_in(text: str) -> list[str]:
    """Return what a text shows as code within its lines."""
    return re.findall(r"`([^`\n]+)`", text)


def without_code(text: str) -> str:
    """Return a text without its blocks of code, code within lines, templates, comments, and targets of links."""
    return re.sub(
        r"\A---\n.*?\n---\n|^ *```.*?^ *```$|`[^`\n]*`|\{\{.*?\}\}|<!--.*?-->|\]\([^)]*\)",
        "",
        text,
        flags=re.DOTALL | re.MULTILINE,
    )


def template(environment: str) -> dict[str, Any]:
    """Return the template of an environment, of which tests/cdk keeps a copy that equals it."""
    return dict(json.loads((ROOT / f"tests/cdk/snapshots/{environment}.json").read_text()))


def resources(environment: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of a type: logical id → properties."""
    found = template(environment)["Resources"].items()
    return {name: resource["Properties"] for name, resource in found if resource["Type"] == kind}
