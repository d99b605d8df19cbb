"""Tests of how a terminal shows a run."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress as Bar

from cli.terminal import BarReporter


@pytest.mark.parametrize("name", ["[/b].jpg", "[red]x.jpg", "[link=http://example.org]"])
def test_a_note_shows_names_as_they_are(name: str) -> None:
    """A file name that looks like the markup of Rich neither fails a run nor changes what its user reads."""
    told = io.StringIO()
    BarReporter(Bar(console=Console(file=told, width=200))).note(f"{name} was skipped.")
    assert told.getvalue() == f"Note: {name} was skipped.\n"
