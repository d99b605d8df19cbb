"""Tests of the agreements between the stack, the state machine and the functions."""

import json
from dataclasses import asdict, fields

import pytest

from contract.environments import DeployedVersion
from contract.functions import IntakeEntry, RecordRunVariables, StartRunVariables
from contract.prices import Prices
from contract.runs import Mode
from contract.workflow import RecordPaths, RecordRequest, RunRequest

START_RUN = StartRunVariables(bucket="b", coordination_table="t", state_machine="arn", gather_minutes=15)
RECORD_RUN = RecordRunVariables(bucket="b", application_id="a", prices=Prices(vcpu_hour=0.05, gb_hour=0.006))


@pytest.mark.parametrize("variables", [START_RUN, RECORD_RUN])
def test_a_function_reads_what_the_stack_wrote(variables: StartRunVariables | RecordRunVariables) -> None:
    """The variables survive the environment; a missing variable raises an error that names it."""
    environment = variables.to_environment()
    assert type(variables).from_environment(environment | {"AWS_REGION": "eu-west-1"}) == variables
    for name in environment:
        with pytest.raises(KeyError, match=name):
            type(variables).from_environment({key: value for key, value in environment.items() if key != name})


def test_the_workflow_composes_the_request_that_record_run_reads() -> None:
    """There is a JSONPath for each field of the request, under the name of the field; two are values."""
    names = [field.name for field in fields(RecordRequest)]
    assert [field.name for field in fields(RecordPaths)] == names
    version = DeployedVersion(revision="0123456789ab", model="imagenet 0123456789ab")
    paths = {name: f"$.{name}" for name in names if name not in {"version", "application"}}
    payload = RecordPaths(**paths, version=version, application="00a").to_payload()
    same = {"version": asdict(version), "application": "00a"}
    assert payload == {f"{name}.$": path for name, path in paths.items()} | same
    read = RecordRequest.from_event({**paths, **same})
    assert (read.version, read.application) == (version, "00a")


def test_a_request_of_an_earlier_state_machine_is_read() -> None:
    """An execution that began before an upgrade sends a request without a version."""
    event = dict.fromkeys(("run_id", "mode", "execution", "round", "attempt", "outcome", "retries"), 1)
    assert RecordRequest.from_event(event) == RecordRequest(**event)  # type: ignore[arg-type] # any values


def test_the_input_of_an_execution_has_only_what_is_asked_for() -> None:
    """A request by a user has a mode alone; that of an upload also has a time and a term, both as text."""
    assert RunRequest(mode=Mode.MAINTAIN).to_document() == {"mode": "maintain"}
    gathered = RunRequest(not_before="2026-11-20T12:15:30Z", seen=0).to_document()
    assert gathered == {"mode": "update", "not_before": "2026-11-20T12:15:30Z", "seen": "0"}


def test_the_log_entry_of_a_batch_is_found_among_other_lines() -> None:
    """The entry is read from its line; other entries and lines that are not JSON objects yield `None`."""
    entry = IntakeEntry(batch_id="b", messages=3, notices=2)
    line = {"level": "INFO", "message": IntakeEntry.MESSAGE, **asdict(entry)}
    assert IntakeEntry.from_line(json.dumps(line)) == entry
    for other in (json.dumps({**line, "message": "Recorded"}), "[]", "START RequestId: 1", ""):
        assert IntakeEntry.from_line(other) is None
