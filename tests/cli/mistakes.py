"""What every command owes its user after a mistake."""

import re

import pytest

from cli.main import main


def sentence_of_mistake(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Call a command that contains a mistake, check that it ends with one sentence and code 2, and return the line."""
    try:
        code = main(words)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert re.fullmatch(r"fruits.*\.\n", err)
    return err
