"""Tests of what the stack, the workflow and the functions tell each other."""

from dataclasses import fields

import pytest

from contract.functions import RecordRunVariables, StartRunVariables
from contract.prices import Prices
from contract.workflow import RecordPaths, RecordRequest

START_RUN = StartRunVariables(bucket="b", coordination_table="t", state_machine="arn")
RECORD_RUN = RecordRunVariables(bucket="b", application_id="a", prices=Prices(vcpu_hour=0.05, gb_hour=0.006))


@pytest.mark.parametrize("variables", [START_RUN, RECORD_RUN])
def test_a_function_reads_what_the_stack_wrote(variables: StartRunVariables | RecordRunVariables) -> None:
    """Among all other variables of Lambda; without one of its own it fails, and names it."""
    environment = variables.to_environment()
    assert type(variables).from_environment(environment | {"AWS_REGION": "eu-west-1"}) == variables
    for name in environment:
        with pytest.raises(KeyError, match=name):
            type(variables).from_environment({key: value for key, value in environment.items() if key != name})


def test_the_workflow_composes_the_request_that_record_run_reads() -> None:
    """A path for each field, under the name of the field."""
    names = [field.name for field in fields(RecordRequest)]
    assert [field.name for field in fields(RecordPaths)] == names
    paths = RecordPaths(**{name: f"$.{name}" for name in names})
    assert paths.to_payload() == {f"{name}.$": f"$.{name}" for name in names}
