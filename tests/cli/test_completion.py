"""Tests of `fruits completion`: a real bash reads the script."""

import shlex
import subprocess
from pathlib import Path

import pytest

from cli.completion import Shell, script
from cli.main import main, whole_parser
from cli.subcommands import COMMANDS

COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function=$(complete -p fruits | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" fruits "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""Does what bash does when a user types the arguments, and then the tabulator."""


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the script of bash to a file."""
    file = tmp_path_factory.mktemp("completion") / "fruits"
    file.write_text(script(Shell.BASH))
    return file


def _completions(script_file: Path, line: str, folder: Path) -> set[str]:
    words = [*shlex.split(line), ""] if line.endswith(" ") else shlex.split(line)
    answer = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", str(script_file), *words],  # noqa: S607 -- wherever bash is installed
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stderr == ""
    return set(answer.stdout.split())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fruits ", {*COMMANDS, "rehearse"}),
        ("fruits dea", {"dead-letters"}),
        ("fruits start --mode ", {"update", "reconcile", "reprocess", "maintain"}),
        ("fruits start --mode re", {"reconcile", "reprocess"}),
        ("fruits status --env ", {"dev", "staging", "prod"}),
        ("fruits run --engine ", {"litert", "tensorflow"}),
        ("fruits matrix --format ", {"csv", "parquet", "npz", "projector", "atlas"}),
        ("fruits logs --level ", {"all", "info", "warning", "error"}),
        ("fruits dead-letters --s", {"--send-back"}),
        ("fruits rehearse ", {"run", "up", "down", "status", "prepare"}),
        ("fruits completion ", {"bash", "zsh", "tcsh", "fish"}),
        ("fruits run --images p", {"pictures"}),
        ("fruits upload p", {"pictures"}),
        ("fruits run --weights p", {"pictures", "plum.h5"}),
    ],
)
def test_bash_completes(line: str, expected: set[str], bash_script: Path, tmp_path: Path) -> None:
    """Commands, options, their values, folders and files are completed."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "plum.h5").touch()
    assert _completions(bash_script, line, tmp_path) == expected


@pytest.mark.parametrize("shell", Shell)
def test_every_shell_gets_a_script_with_all_commands(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints the script, and nothing else."""
    assert main(["completion", shell]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert [name for name in COMMANDS if name not in told.out] == []


def test_another_shell_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists the shells."""
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "cmd"])
    assert "SHELL must be bash, zsh, tcsh or fish, not 'cmd'" in capsys.readouterr().err


def test_the_parser_of_all_commands_has_all_commands() -> None:
    """No command is left out of the completion."""
    assert set(whole_parser().subcommands.choices) == {*COMMANDS, "rehearse"}
