"""Tests of the agreements between the stack, the state machine and the functions."""

import json
from dataclasses import asdict, fields

import pytest

from contract.functions import IntakeEntry, RecordRunVariables, StartRunVariables
from contract.prices import Prices
from contract.workflow import RecordPaths, RecordRequest

START_RUN = StartRunVariables(bucket="b", coordination_table="t", state_machine="arn")
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
    """There is a JSONPath for each field of the request, under the name of the field."""
    names = [field.name for field in fields(RecordRequest)]
    assert [field.name for field in fields(RecordPaths)] == names
    paths = RecordPaths(**{name: f"$.{name}" for name in names})
    assert paths.to_payload() == {f"{name}.$": f"$.{name}" for name in names}


def test_the_log_entry_of_a_batch_is_found_among_other_lines() -> None:
    """The entry is read from its line; other entries and lines that are not JSON objects yield `None`."""
    entry = IntakeEntry(batch_id="b", messages=3, notices=2)
    line = {"level": "INFO", "message": IntakeEntry.MESSAGE, **asdict(entry)}
    assert IntakeEntry.from_line(json.dumps(line)) == entry
    for other in (json.dumps({**line, "message": "Recorded"}), "[]", "START RequestId: 1", ""):
        assert IntakeEntry.from_line(other) is None
