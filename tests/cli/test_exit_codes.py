"""Tests of the exit codes: they mean the same for all commands and all errors, and docs/commands.md lists them."""

import argparse
import json
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import cli
import localspark
import rehearsal
import spark_app
from cli.cloud.errors import InterruptedByUserError
from cli.cloud.status import NEEDS_ATTENTION
from cli.doctor.checks import Check, ok
from cli.main import main
from cli.subcommands import COMMANDS, Command, Group, Subcommands, add_subcommand
from spark_app.errors import FruitsError, UsageError
from tests.cli.mistakes import sentence_of_mistake

ROOT = Path(__file__).parents[2]
STARTED_AS_PROGRAMS = {"class_archive_run"}
"""Modules that do their work when they are imported."""

MISTAKES = {
    "run": ["--images", "missing", "--output", "out"],
    "notify": ["--images", "missing", "--output", "out"],
    "features": ["--output", "missing", "x.npz"],
    "matrix": ["--output", "missing", "x.csv"],
    "similar": ["--output", "missing", "x.jpg"],
    "open": ["--output", "missing"],
    "demo": ["x", "--components", "0"],
    "sample": ["x", "--views", "0"],
    "doctor": ["--env", "nowhere"],
    "export": ["--weights", "nope", "x"],
    "setup": ["--nonsense"],
    "completion": ["cmd"],
    "upload": ["missing", "--env", "dev"],
    "status": ["--env", "nowhere"],
    "logs": ["--env", "nowhere"],
    "runs": ["--env", "dev", "--last", "0"],
    "cost": ["--env", "nowhere"],
    "results": ["--env", "dev", "--run", "x"],
    "evidence": ["--env", "dev", "--run-id", "x"],
    "start": ["--env", "dev", "--mode", "foo"],
    "reprocess": ["--env", "nowhere"],
    "dead-letters": ["--env", "dev", "--yes"],
    "account": ["--env", "nowhere"],
    "rehearse": ["--nonsense"],
}
"""Subcommand → a typical mistake of its user."""


CLOUD = [name for name, command in COMMANDS.items() if command.group is Group.CLOUD]

LONG, FOREIGN, UNKNOWN_HOME = "x" * 300, "x\udcff", "~nosuchuser/x"
"""Names that this machine can't look up: too long for a file, bytes that are not UTF-8, no home folder."""

PATHS = [
    ["run", "--output", "{}", "--images", "."],
    ["run", "--output", "out", "--images", "{}"],
    ["run", "--output", "out", "--images", ".", "--weights", "{}"],
    ["notify", "--output", "{}", "--images", "."],
    ["notify", "--output", "out", "--images", "{}"],
    ["notify", "--output", "out", "--images", ".", "{}"],
    ["features", "--output", "{}", "x.npz"],
    ["features", "--output", "out", "{}.npz"],
    ["matrix", "--output", "{}", "x.csv"],
    ["matrix", "--output", "out", "{}.csv"],
    ["matrix", "--output", "out", "{}", "--format", "projector"],
    ["similar", "--output", "{}", "x.jpg"],
    ["similar", "--output", "out", "{}"],
    ["similar", "--output", "out", "x.jpg", "--html", "{}"],
    ["open", "--output", "{}"],
    ["open", "--env", "dev", "--folder", "{}"],
    ["demo", "{}"],
    ["sample", "{}"],
    ["doctor", "--output", "{}"],
    ["export", "{}", "--weights", "seeded"],
    ["export", "x", "--weights", "{}"],
    ["upload", "{}", "--env", "dev"],
    ["results", "{}", "--env", "dev"],
    ["evidence", "--env", "dev", "--output", "{}"],
    ["evidence", "--env", "dev", "--template", "{}"],
]
"""Command lines with a place for a path."""

BROKEN_AWS = {
    "profile": {"AWS_PROFILE": "nosuch"},
    "file": {"AWS_CONFIG_FILE": "config"},
    "half a key": {"AWS_ACCESS_KEY_ID": "AKIA"},
}
"""What is broken → variables that make it so."""


def _all_errors() -> list[type[FruitsError]]:
    for package in (cli, localspark, rehearsal, spark_app):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.rpartition(".")[2] not in STARTED_AS_PROGRAMS:
                import_module(module.name)
    return sorted({*_below(FruitsError)}, key=lambda error: error.__name__)


def _below(error: type[FruitsError]) -> Iterator[type[FruitsError]]:
    yield error
    for subclass in error.__subclasses__():
        yield from _below(subclass)


def _failing(error: type[FruitsError]) -> FruitsError:
    made = error.__new__(error, "It went wrong: do it again.")
    Exception.__init__(made, "It went wrong: do it again.")
    return made


@pytest.mark.parametrize("error", _all_errors(), ids=lambda error: error.__name__)
def test_every_error_is_a_sentence_and_a_code(
    error: type[FruitsError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake of the user ends with 2, Ctrl-C with 130, and everything else with 1; stdout stays empty."""

    def fail(_: argparse.Namespace) -> int:
        raise _failing(error)

    def add_command(subcommands: Subcommands) -> None:
        add_subcommand(subcommands, "setup").set_defaults(command=fail)

    monkeypatch.setattr("cli.setup.add_command", add_command)
    expected = 2 if issubclass(error, UsageError) else 130 if issubclass(error, InterruptedByUserError) else 1
    assert main(["setup"]) == expected
    assert capsys.readouterr() == ("", "fruits: It went wrong: do it again.\n")


@pytest.mark.parametrize("name", [*COMMANDS, "rehearse"])
def test_a_mistake_in_any_command_is_one_sentence_and_2(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No command answers a mistake with a traceback, with a list of options, or with another code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FRUITS_ENV", raising=False)
    sentence_of_mistake(capsys, name, *MISTAKES[name])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [LONG, FOREIGN, UNKNOWN_HOME], ids=["long", "foreign", "home"])
@pytest.mark.parametrize("words", PATHS, ids=" ".join)
def test_a_path_that_no_file_can_have_is_a_mistake(
    name: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever a command takes a path, or the name of an image, such a name is one sentence and 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FRUITS_ENV", raising=False)
    sentence_of_mistake(capsys, *(word.format(name) for word in words))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=BROKEN_AWS)
def broken_aws(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the configuration of AWS."""
    monkeypatch.chdir(tmp_path)
    Path("config").write_text("no section\n")
    for name in ("FRUITS_ENV", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in BROKEN_AWS[request.param].items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("broken_aws")
@pytest.mark.parametrize("name", [*CLOUD, "similar", "matrix", "open"])
def test_a_broken_configuration_of_aws_is_a_mistake(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command for the cloud says in one sentence what to correct."""
    positional = {"upload": ["."], "similar": ["x.jpg"], "matrix": ["x.csv"], "start": ["--mode", "update"]}
    assert main([name, "--env", "dev", *positional.get(name, [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"fruits: .*\.\n", err)


@pytest.mark.usefixtures("broken_aws")
@pytest.mark.parametrize(("options", "code", "status"), [([], 0, "warn"), (["--env", "dev"], 1, "fail")])
def test_the_doctor_finds_a_broken_configuration_of_aws(
    options: list[str],
    code: int,
    status: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is a finding among the others, and a failure only for a user who has named an environment."""
    monkeypatch.setattr("cli.doctor.installation.installation_checks", list)
    monkeypatch.setattr("cli.doctor.machine.machine_checks", lambda _: [Check("disk", lambda: ok("room"))])
    monkeypatch.setattr("cli.doctor.network.network_checks", list)
    assert main(["doctor", "--json", *options]) == code
    out, err = capsys.readouterr()
    disk, aws = json.loads(out)["checks"]
    assert disk["status"] == "ok"
    assert (aws["name"], aws["status"]) == ("aws", status)
    assert aws["advice"]
    assert err == ("fruits: 1 check failed: do what the findings above say.\n" if code else "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "fruits: Name a command: `fruits --help` lists them.\n"),
        (
            ["statsu"],
            "fruits: There is no command 'statsu': did you mean status? `fruits --help` lists the commands.\n",
        ),
        (["xyz"], "fruits: There is no command 'xyz': `fruits --help` lists the commands.\n"),
    ],
)
def test_a_name_that_does_not_exist_gets_a_hint(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message does not list twenty names in one line."""
    assert main(words) == 2
    assert capsys.readouterr() == ("", sentence)


def test_the_page_lists_all_codes() -> None:
    """The table has the codes of signals, those of errors, and that of `fruits status`."""
    page = (ROOT / "docs/commands.md").read_text()
    (table,) = re.findall(r"^## Exit codes\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)
    codes = {int(code) for cell in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in cell.split(",")}
    assert codes == {0, 1, 2, NEEDS_ATTENTION, 129, 130, 143}


def test_the_version_names_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stdout, for reports of errors."""
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert re.fullmatch(r"fruits [\d.]+, Python [\d.]+, Spark 4\.1\.1\n", capsys.readouterr().out)


def test_the_help_lists_every_command_in_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    """Also the commands of other packages, once each, and a module that states no group is one of this machine."""
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    listed = re.findall(r"^  (\S+) ", capsys.readouterr().out, re.MULTILINE)
    assert sorted(listed) == sorted([*COMMANDS, "rehearse"])
    assert Command("cli.other", "do something").group == "On this machine"
