"""Tests of `--json` of the commands for an environment: docs/commands.md lists the fields."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from cli.cloud.account import BOOTSTRAP_PARAMETER
from cli.cloud.environment import Deployment
from cli.cloud.history import CurrentRun
from cli.cloud.situation import Execution
from cli.main import main
from contract.environments import Output
from contract.summary import Summary
from contract.workflow import RunRecord
from tests.cli.test_as_json import documented, fields_of

DEV = ["--env", "dev", "--json"]


@pytest.fixture
def environment(
    deployment: Deployment,
    publish: Callable[..., None],
    put: Callable[[str, bytes], None],
    record: RunRecord,
    summary: Summary,
) -> Deployment:
    """Fill the environment with a complete run, a failed one, and a message that could not be processed."""
    publish("20261120T121530Z-3fa94c", record, summary)
    for part in summary.matrix:
        put(part.file, b"key,label\n")
    publish("20261119T080000Z-bbbbbb", replace(record, state="FAILED", reason="no reason", cost_usd=None))
    deployment.sqs.send_message(QueueUrl=deployment.resource(Output.DEAD_LETTERS), MessageBody="not an event")
    ssm = boto3.client("ssm", region_name=deployment.region)
    ssm.put_parameter(Name=BOOTSTRAP_PARAMETER, Value="31", Type="String")
    return deployment


@pytest.mark.parametrize(
    ("command", "dynamic"),
    [
        ("account", ()),
        ("cost", ()),
        ("dead-letters", ()),
        ("results", ("files",)),
        ("runs", ()),
        ("status", ("facts",)),
    ],
)
@pytest.mark.usefixtures("environment")
def test_stdout_is_one_document_with_the_documented_fields(
    command: str,
    dynamic: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A script can parse all that a command prints, and finds the fields that the page lists."""
    monkeypatch.chdir(tmp_path)
    began = datetime(2026, 11, 20, 8, tzinfo=UTC)
    run = CurrentRun(run_id="20261121T080000Z-cccccc", began=began)
    holder = Execution(name="batch-1", status="RUNNING", mode="update", started=began, run=run)
    monkeypatch.setattr("cli.cloud.runs.holder_of", lambda _: holder)
    assert main([command, *DEV]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(fields_of(found, without=dynamic)) == documented(command)


@pytest.mark.usefixtures("environment")
def test_runs_are_numbers_and_nulls(capsys: pytest.CaptureFixture[str]) -> None:
    """What lines show as a dash is null."""
    assert main(["runs", *DEV]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["going_on"] is None
    assert [run["run"] for run in found["runs"]] == ["20261120T121530Z-3fa94c", "20261119T080000Z-bbbbbb"]
    assert [run["cost_usd"] for run in found["runs"]] == [0.1875, None]
    assert [run["images"] for run in found["runs"]] == [90_378, None]
    assert found["cost_usd"] == 0.1875


@pytest.mark.usefixtures("environment")
def test_downloads_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document of `results` leads to the files, and progress is on stderr."""
    monkeypatch.chdir(tmp_path)
    assert main(["results", *DEV]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["run"], found["downloaded"], found["failed"]) == ("20261120T121530Z-3fa94c", 4, 0)
    assert Path(found["files"]["report"]).read_text() == "<html></html>"


@pytest.mark.usefixtures("environment")
def test_a_document_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """`dead-letters --json` only shows, and does not ask either."""
    with pytest.raises(SystemExit, match="2"):
        main(["dead-letters", *DEV, "--remove"])
    assert "--remove" in capsys.readouterr().err
