"""Tests of docs/operations.md and its French page: runbooks are those of the deployed alarms, and commands exist."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.cloud.log_groups import JOBS_GROUP, WORKFLOW_GROUP, function_of
from cli.cloud.status import NEEDS_ATTENTION
from cli.main import _parser
from contract.functions import Function

ROOT = Path(__file__).parents[1]
ENGLISH, FRENCH = ((ROOT / "docs" / name).read_text() for name in ("operations.md", "operations.fr.md"))

PARTS = {
    ENGLISH: ("## Alarms", "**Meaning.**", "**Look at**", "**Over** when"),
    FRENCH: ("## Alarmes", "**Signification.**", "**Regarder**", "**Terminé** quand"),
}
"""Page → the title above its runbooks, and the parts of each."""

ALARMS = re.findall(r"^### (\w+)$", ENGLISH.partition("\n## Alarms\n")[2].partition("\n## ")[0], re.MULTILINE)

both = pytest.mark.parametrize("page", PARTS, ids=["English", "French"])


def _resources(environment: str, kind: str) -> dict[str, Any]:
    """Return the resources of a type in the template, of which tests/cdk keeps a copy that equals it."""
    template = json.loads((ROOT / f"tests/cdk/snapshots/{environment}.json").read_text())
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def _section(page: str, title: str) -> str:
    """Return the text of a section, up to the next title of its level or above."""
    level = title.partition(" ")[0]
    (found,) = re.findall(rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", page, re.DOTALL | re.MULTILINE)
    return str(found)


@both
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_alarm_has_a_runbook_and_no_other_has(environment: str, page: str) -> None:
    """The sections below "Alarms" are the alarms of the template."""
    alarms = _resources(environment, "AWS::CloudWatch::Alarm").values()
    names = {alarm["Properties"]["AlarmName"].removeprefix(f"fruits-{environment}-") for alarm in alarms}
    assert set(re.findall(r"^### (\w+)$", _section(page, PARTS[page][0]), re.MULTILINE)) == names


@both
@pytest.mark.parametrize("alarm", ALARMS)
def test_a_runbook_says_what_it_means_what_to_look_at_and_when_it_is_over(alarm: str, page: str) -> None:
    """Each runbook has these parts, and a command to look with."""
    text = _section(page, f"### {alarm}")
    assert [part for part in PARTS[page][1:] if part not in text] == []
    assert "```sh\n" in text


def _code(page: str) -> list[str]:
    """Return the blocks of code of a page, without the indentation of lists."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    return ["\n".join(line.strip() for line in block.splitlines()) for block in blocks]


def test_both_pages_have_the_same_commands_and_sections() -> None:
    """The French page has the commands of the English one, in the same order, and as many sections of each level."""
    assert _code(FRENCH) == _code(ENGLISH)
    levels = [re.findall(r"^(#+) ", page, re.MULTILINE) for page in PARTS]
    assert levels[0] == levels[1]


def test_both_pages_list_the_same_permissions() -> None:
    """The tables of permissions name the same commands and actions."""
    english, french = (re.findall(r"`([\w-]+:\w+)`", _section(page, "## Permissions")) for page in PARTS)
    assert english == french


def _commands() -> Iterator[str]:
    """Find the commands of the project in blocks of code."""
    for block in _code(ENGLISH):
        yield from (line for line in block.splitlines() if line.startswith(("fruits ", "make ")))


@pytest.mark.parametrize("command", sorted({*_commands()}))
def test_a_command_can_be_typed(command: str) -> None:
    """The parser accepts each command of the page, and the Makefile has each target."""
    program, *arguments = shlex.split(command)
    if program == "make":
        target = next(argument for argument in arguments if "=" not in argument)
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert _parser(arguments).parse_args(arguments).command


def test_the_exit_codes_are_those_of_the_command() -> None:
    """The table lists the code with which the command asks for attention."""
    assert f"| {NEEDS_ATTENTION} | something needs attention |" in _section(ENGLISH, "### Exit codes for scripts")
    french = _section(FRENCH, "### Codes de sortie pour les scripts")
    assert f"| {NEEDS_ATTENTION} | quelque chose demande attention |" in french


def test_the_log_groups_of_the_template_have_sources() -> None:
    """`fruits logs` finds the log groups by their names in the template, which must stay."""
    names = {re.sub(r"Logs[0-9A-F]{8}$", "", name) for name in _resources("dev", "AWS::Logs::LogGroup")}
    assert {JOBS_GROUP, WORKFLOW_GROUP} <= names
    assert {function_of(name) for name in names - {JOBS_GROUP, WORKFLOW_GROUP}} == {*Function}
