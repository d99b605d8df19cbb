"""The typography of French: sources are typed with plain spaces and apostrophes, and readers see the right ones."""

import re

NO_BREAK = "\N{NO-BREAK SPACE}"
"""Space before a sign, a percentage or a currency, and inside of guillemets."""

THIN = "\N{NARROW NO-BREAK SPACE}"
"""Space between thousands."""

CODE = r"```[\s\S]*?```|`[^`]*`|^ {4}.*$|\]\([^)]*\)"
"""Code in Markdown, and the target of a link."""

RULES = {
    r"(?<=\d) (?=\d{3}\b)": THIN,
    r" (?=[:;!?%»])(?!:-)": NO_BREAK,  # `:-` aligns a column of a table
    r"(?<=«) ": NO_BREAK,
    r"(?<=\w)'(?=[\w«*`\[{])": "\N{RIGHT SINGLE QUOTATION MARK}",
}
"""What is looked for in prose, and what stands there instead."""


def typeset(text: str) -> str:
    """Set French text: spaces that do not break, and typographic apostrophes, outside of code.

    Parameters
    ----------
    text
        A sentence, or a document in Markdown.
    """
    for rule, sign in RULES.items():
        text = _with_rule(text, rule, sign)
    return text


def _with_rule(text: str, rule: str, sign: str) -> str:
    """Replace what the rule finds. Code is found first, and stays as it is."""
    return re.sub(f"({CODE})|{rule}", lambda found: found[1] or sign, text, flags=re.MULTILINE)
