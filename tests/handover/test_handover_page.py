"""Tests of docs/handover.md and docs/handover.fr.md: commands, names and criteria are those of the code."""

import re
import shlex
from pathlib import Path

import pytest

from cli.cloud.evidence.criteria import CRITERIA
from cli.main import main, whole_parser
from handover.deliverables.__main__ import _parser
from handover.deliverables.names import Naming

ROOT = Path(__file__).parents[2]
PAGES = {name: (ROOT / "docs" / name).read_text() for name in ("handover.md", "handover.fr.md")}
MAKEFILE = (ROOT / "Makefile").read_text()


def _commands(page: str) -> list[str]:
    """Find the commands of a page, in blocks and in the text."""
    blocks = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    return [*blocks, *re.findall(r"`((?:fruits|make) [a-z][^`]*)`", page)]


@pytest.mark.parametrize("command", sorted({*_commands(PAGES["handover.md"])}))
def test_a_command_can_be_typed(command: str) -> None:
    """The parser accepts each command, and the Makefile has each target, with the variables that the page gives it."""
    program, *words = shlex.split(command)
    if program == "fruits":
        parser = whole_parser()
        assert words[0] in parser.subcommands.choices
        if len(words) > 1:
            assert parser.parse_args(words).command
        return
    targets = [word for word in words if "=" not in word]
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets)


def test_both_pages_say_the_same() -> None:
    """They have the same commands, sections, rows and steps, in the same order."""
    english, french = PAGES.values()
    assert _commands(english) == _commands(french)
    for pattern in (r"^#+", r"^\| ", r"^- \[ \]", r"^\d\."):
        found = [re.findall(pattern, page, re.MULTILINE) for page in (english, french)]
        assert found[0] == found[1]


@pytest.mark.parametrize("name", PAGES)
def test_names_options_and_criteria_are_those_of_the_code(name: str) -> None:
    """The pages list the deliverables by their real names, and each variable and criterion once."""
    naming = Naming(name="Dupont Jean", month="112026")
    for number, what in enumerate(("notebook", "images", "presentation"), 1):
        assert naming.deliverable(number, what) in PAGES[name]
    section = PAGES[name].rpartition("fruits evidence --env dev --template")[2]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == [*CRITERIA]
    variables = re.findall(r"^\| `([A-Z]+)` \|", PAGES[name], re.MULTILINE)
    options = {action.dest for action in _parser()._actions}  # noqa: SLF001 -- argparse has no public list
    assert {variable.lower() for variable in variables} <= options
    assert all(f"$(call given,{variable}," in MAKEFILE for variable in variables)


def test_the_help_of_the_evidence_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    """The pages mention every option of the command."""
    with pytest.raises(SystemExit, match="0"):
        main(["evidence", "--help"])
    options = {*re.findall(r"--[a-z-]+", capsys.readouterr().out)} - {"--help", "--endpoint-url"}
    for page in PAGES.values():
        assert [option for option in sorted(options) if option not in page] == []
