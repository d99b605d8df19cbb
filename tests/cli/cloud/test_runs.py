"""Tests of `fruits runs`."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import Stubber

from cli.cloud.environment import Deployment
from cli.cloud.history import CurrentRun, current_run
from cli.cloud.situation import Execution
from cli.main import main
from contract.summary import Summary
from contract.workflow import RunRecord

Publish = Callable[..., None]
RUNS = ["runs", "--env", "dev"]


def test_runs_are_listed_with_what_they_did_and_cost(
    publish: Publish, record: RunRecord, summary: Summary, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs are listed newest first, with dashes for unknown values of failed and running runs and late bills."""
    publish("20261118T080000Z-first", record, summary)
    publish("20261119T023000Z-failed", replace(record, state="FAILED", mode="reconcile", cost_usd=None))
    publish("20261120T121530Z-goes-on", None, summary)
    publish("20261121T043000Z-maintains", replace(record, mode="maintain", seconds=95, cost_usd=0.01))
    assert main(RUNS) == 0
    assert capsys.readouterr().out.splitlines() == [
        "run                         mode       state    started               duration  images  refused  cost in USD",
        "20261121T043000Z-maintains  maintain   SUCCESS  2026-11-20 12:15 UTC      1:35       -        -        0.010",
        "20261120T121530Z-goes-on    update     -        2026-11-20 12:16 UTC         -  90,378        2            -",
        "20261119T023000Z-failed     reconcile  FAILED   2026-11-20 12:15 UTC     13:22       -        -            -",
        "20261118T080000Z-first      update     SUCCESS  2026-11-20 12:15 UTC     13:22  90,378        2        0.188",
        "4 runs: 0.198 USD, without 2 of unknown cost",
    ]


def test_the_last_runs_are_listed(publish: Publish, record: RunRecord, capsys: pytest.CaptureFixture[str]) -> None:
    """`--last` limits the number of runs, and the total is the cost of the listed ones."""
    for day in range(10, 30):
        publish(f"202611{day}T080000Z-aaaaaa", replace(record, cost_usd=1.0))
    assert main([*RUNS, "--last", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("T")[0] for line in lines[1:-1]] == ["20261129", "20261128", "20261127"]
    assert lines[-1] == "3 runs: 3.000 USD"


def test_documents_of_another_version_are_dashes(
    publish: Publish, record: RunRecord, put: Callable[[str, bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A document with unknown fields, or none at all, does not hide the other runs."""
    publish("20261118T080000Z-first", record)
    put("results/20261119T080000Z-second/run.json", b'{"billed": null, "colour": "red"}')
    put("results/20261119T080000Z-second/summary.json", b"[]")
    put("results/a note.txt", b"")
    put("results/notes/run.json", b"")
    assert main(RUNS) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["20261119T080000Z-second", *"-------"]
    assert lines[-1] == "2 runs: 0.188 USD, without 1 of unknown cost"


@pytest.mark.usefixtures("deployment")
def test_without_runs_the_command_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    """A new environment has no runs, and the command names the command for uploads."""
    assert main(RUNS) == 0
    assert capsys.readouterr().out == "There are no runs yet: upload images with `fruits upload FOLDER --env dev`.\n"


def test_the_run_that_goes_on_is_the_first_line(
    deployment: Deployment,
    publish: Publish,
    record: RunRecord,
    put: Callable[[str, bytes], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The run of the execution that holds the lease is listed once, with its mode and its duration so far."""
    publish("20261118T080000Z-first", record)
    put("results/20261119T080000Z-goeson/pca.csv", b"")
    began = datetime.now(UTC) - timedelta(minutes=4)
    run = CurrentRun(run_id="20261119T080000Z-goeson", began=began)
    holder = Execution(name="batch-1", status="RUNNING", mode="update", started=began, run=run)
    monkeypatch.setattr("cli.cloud.runs.holder_of", lambda _: holder)
    assert deployment
    assert main(RUNS) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][:3] == ["20261119T080000Z-goeson", "update", "RUNNING"]
    assert lines[1][6] in {"4:00", "4:01", "4:02"}
    assert lines[2][0] == "20261118T080000Z-first"
    assert len(lines) == 4


def test_an_execution_without_a_run_is_listed_too(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An execution that has not begun its run yet has no id to show."""
    holder = Execution(name="batch-1", status="RUNNING", mode="reconcile", started=datetime.now(UTC))
    monkeypatch.setattr("cli.cloud.runs.holder_of", lambda _: holder)
    assert deployment
    assert main(RUNS) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("none yet  reconcile  RUNNING")


def test_the_run_of_the_holder_is_the_last_that_its_history_names(deployment: Deployment) -> None:
    """An execution may go through several rounds; the last one goes on, since its first state."""
    names = [
        ("PlanRound", None),
        ("RunJob", "20261118T080000Z-one"),
        ("Release", "20261118T080000Z-one"),
        ("RunJob", "20261118T090000Z-two"),
    ]
    events = [
        {
            "id": number,
            "timestamp": datetime(2026, 11, 18, number, tzinfo=UTC),
            "type": "TaskStateEntered",
            "stateEnteredEventDetails": {"name": state, "input": json.dumps({"run_id": run} if run else {})},
        }
        for number, (state, run) in enumerate(names, start=1)
    ]
    with Stubber(deployment.stepfunctions) as stubbed:
        stubbed.add_response("get_execution_history", {"events": events[::-1]})
        execution = "arn:aws:states:eu-west-1:123456789012:execution:fruits-dev:update-1"
        found = current_run(deployment.stepfunctions, execution)
    assert found == CurrentRun(run_id="20261118T090000Z-two", began=datetime(2026, 11, 18, 4, tzinfo=UTC))
