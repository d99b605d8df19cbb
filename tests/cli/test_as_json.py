"""Tests of `--json`: docs/commands.md lists the fields that the commands print."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import main, whole_parser
from contract.documents import CHECKSUM
from contract.layout import ResultFile

PAGE = (Path(__file__).parents[2] / "docs/commands.md").read_text()
ROWS = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", PAGE.partition("## For terminals")[2], re.MULTILINE))


def documented(command: str) -> set[str]:
    """Return the names of all fields that the page lists for a command."""
    return set(re.findall(r"`(\w+)`", ROWS[command]))


def fields_of(document: Any, *, without: tuple[str, ...] = ()) -> Iterator[str]:  # noqa: ANN401 -- any JSON value
    """Yield the names of all fields of a document, but not those inside of fields whose names are data."""
    for item in document if isinstance(document, list) else [document]:
        if isinstance(item, dict):
            for name, value in item.items():
                yield name
                if name not in without:
                    yield from fields_of(value)


def test_the_page_lists_the_commands_with_the_option() -> None:
    """No command with `--json` is left out, and no other is listed."""
    commands = {name for name, parser in whole_parser().subcommands.choices.items() if "--json" in parser.format_help()}
    assert set(ROWS) == commands


def test_notices_are_counted_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The document counts what the lines count."""
    (tmp_path / "images/Plum").mkdir(parents=True)
    (tmp_path / "images/Plum/a.jpg").write_bytes(b"a")
    (tmp_path / "images/README.md").write_bytes(b"a")
    places = ["--images", str(tmp_path / "images"), "--output", str(tmp_path / "output")]
    assert main(["notify", *places, "--json", "Plum"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"places": [{"path": "Plum", "changed": 1, "gone": 0}], "notes": []}
    assert set(fields_of(found)) == documented("notify")


def test_maintain_has_no_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that can't do anything is a mistake, not an empty document."""
    assert main(["run", "--mode", "maintain", "--output", str(tmp_path), "--json"]) == 2
    assert "--mode maintain makes none: leave out --json." in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_prints_its_summary(sample: Path, tmp_path: Path) -> None:
    """The document is that of summary.json without its checksum, and the steps go to stderr.

    The command has a process of its own, because it ends the Spark session, which other tests share.
    """
    places = ["--images", str(sample), "--output", str(tmp_path / "output")]
    command = [sys.executable, "-m", "cli.main", "run", *places, "--weights", "seeded", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    summary = json.loads(done.stdout)
    written = json.loads((tmp_path / "output/results" / summary["run_id"] / ResultFile.SUMMARY).read_text())
    assert summary | {CHECKSUM: written[CHECKSUM]} == written
    assert "featurise" in done.stderr
