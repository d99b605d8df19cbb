"""Tests of what terminals show: colours only where they are wanted, and tables that fit."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SHOW = """
import sys
from cli.terminal import terminal_reporter
from spark_app.progress import Progress
with terminal_reporter(sys.stdout) as reporter:
    reporter.started("features")
    reporter.progress(Progress(done=3, total=10, refused=0, seconds=1.0))
    reporter.note("plum.jpg was skipped.")
    reporter.finished("features", 1.5, "10 images, none of them refused, with the network of a test")
"""
"""Reports a run as `fruits run` does."""

COLOUR = re.compile(r"\x1b\[[\d;]*?\b(?:3[0-8]|4[0-8]|9\d|10[0-7])[\d;]*m")
"""The sequences that set a colour: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/."""


def _shown(columns: int = 80, **variables: str) -> str:
    """Return what the report sends to a terminal."""
    mine, its = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    environment |= {"TERM": "xterm-256color", "COLUMNS": str(columns), "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-c", SHOW], stdout=its, stdin=its, env=environment | variables)
    os.close(its)
    told = b"".join(_chunks(mine))
    os.close(mine)
    assert process.wait() == 0
    return told.decode()


def _chunks(terminal: int) -> Iterator[bytes]:
    while select.select([terminal], [], [], 60)[0]:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux reports the end of a terminal as an error
            return
        if not chunk:
            return
        yield chunk


def test_a_terminal_has_colours() -> None:
    """The other tests would pass for a program without any colour."""
    assert COLOUR.search(_shown())


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"NO_COLOR": "no"}, {"TERM": "dumb"}])
def test_colours_can_be_switched_off(variables: dict[str, str]) -> None:
    """NO_COLOR with any text, and a terminal that has none: https://no-color.org."""
    told = _shown(**variables)
    assert COLOUR.search(told) is None
    assert "Note: plum.jpg was skipped." in told


def test_an_empty_variable_switches_nothing_off() -> None:
    """As https://no-color.org asks."""
    assert COLOUR.search(_shown(NO_COLOR=""))


def test_a_dumb_terminal_gets_no_sequences_at_all() -> None:
    """Such a terminal would show them as characters."""
    assert "\x1b" not in _shown(TERM="dumb")


def test_a_file_gets_no_sequences() -> None:
    """Whatever the variables say about the terminal."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b" not in done.stdout
    assert "plum.jpg" in done.stdout


@pytest.mark.parametrize("columns", [40, 60])
def test_a_narrow_terminal_gets_whole_words(columns: int) -> None:
    """Rich breaks lines between words, so that each word of the outcome appears."""
    told = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", _shown(columns))
    assert [word for word in ("refused,", "network", "images,") if word not in told] == []
