"""Tests of reading a job run and its outcome."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.workflow import Usage
from lambdas.record_run.job import job_run_id_of, seconds_of, usage_of

JOB = "00g1c2v8abcdef0b"

TOLD = {"ApplicationId": "00f1", "JobRunId": JOB, "State": "FAILED", "StateDetails": "Job failed, JobRunId: none"}
"""Answer of EMR Serverless as Step Functions writes it."""


@pytest.mark.parametrize(
    "outcome",
    [
        {"JobRunId": JOB},
        {"ApplicationId": "00f1", "Arn": "arn:aws:emr-serverless:...", "JobRunId": JOB},
        {"JobRun": TOLD},
        {"Error": "States.TaskFailed", "Cause": json.dumps(TOLD)},
        {"Error": "States.TaskFailed", "Cause": json.dumps({"JobRun": TOLD})},
        {"jobRun": {"jobRunId": JOB}},
        {"jobRunId": JOB},
        {"JobRunId": "", "JobRun": TOLD},
        {"JobRunId": None, "Cause": json.dumps(TOLD)},
    ],
)
def test_the_job_run_is_found_in_its_outcome(outcome: dict[str, Any]) -> None:
    """The id is found in the answer to a successful job run, and in the cause of a failure, which is a JSON text."""
    assert job_run_id_of(outcome) == JOB


def _wrapped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    text = inner.map(json.dumps)
    return (
        st.builds(lambda job: {"JobRun": job}, inner)
        | st.builds(lambda job: {"jobRun": job, "JobRunId": 5}, inner)
        | st.builds(lambda cause: {"Error": "States.TaskFailed", "Cause": cause}, text)
        | text
    )


@given(st.recursive(st.just(TOLD), _wrapped, max_leaves=3))
def test_the_job_is_found_however_it_is_wrapped(outcome: object) -> None:
    """The id is found in any nesting of objects and JSON texts."""
    assert job_run_id_of(outcome) == JOB


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        {},
        [TOLD],
        {"JobRunId": ""},
        {"JobRunId": 5},
        {"JobRun": None},
        {"Error": "States.Timeout"},
        {"Error": "States.Timeout", "Cause": ""},
        {"Error": "States.Timeout", "Cause": None},
        {"Error": "EMRServerless.ValidationException", "Cause": f"JobRunId {JOB} (Status Code: 400)"},
        {"Error": "States.TaskFailed", "Cause": json.dumps(TOLD)[:-5]},
        {"Error": "States.TaskFailed", "Cause": "[" * 100_000},
        {"Error": "States.TaskFailed", "Cause": '{"Cause":' * 900 + "1" + "}" * 900},
        {"Error": "States.TaskFailed", "Cause": "9" * 5_000},
    ],
)
def test_where_no_job_was_started_none_is_found(outcome: object) -> None:
    """An outcome without a job run in JSON yields no id, even if its text names one or is extremely deep or long."""
    assert job_run_id_of(outcome) is None


NAMES = st.sampled_from(["JobRunId", "jobRunId", "JobRun", "jobRun", "Error", "Cause"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5) | st.just("{}"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=4)
        | inner.map(json.dumps)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_outcome_has_a_job_or_none(outcome: object) -> None:
    """Any JSON value yields an id or `None`, never an error."""
    found = job_run_id_of(outcome)
    assert found is None or (isinstance(found, str) and found)


@pytest.mark.parametrize("levels", [450, 600, 900, 5_000])
def test_an_outcome_of_any_depth_has_a_job_or_none(levels: int) -> None:
    """An outcome that is too deep for the search yields `None`; a hundred levels are searched."""
    assert job_run_id_of(_nested(levels)) in {JOB, None}
    assert job_run_id_of(_nested(100)) == JOB


def _nested(levels: int) -> dict[str, Any]:
    outcome: dict[str, Any] = TOLD
    for _ in range(levels):
        outcome = {"Cause": outcome}
    return outcome


def test_the_bill_is_read() -> None:
    """Each number has its own field; without extra storage, AWS may leave out the storage."""
    billed = {"vCPUHour": 0.5, "memoryGBHour": 2.0}
    assert usage_of({"billedResourceUtilization": billed}) == Usage(
        vcpu_hours=0.5, memory_gb_hours=2.0, storage_gb_hours=0.0
    )
    assert usage_of({"billedResourceUtilization": billed | {"storageGBHour": 7.5}}) == Usage(
        vcpu_hours=0.5, memory_gb_hours=2.0, storage_gb_hours=7.5
    )


@pytest.mark.parametrize(
    "job_run",
    [
        {},
        {"billedResourceUtilization": None},
        {"billedResourceUtilization": {}},
        {"billedResourceUtilization": {"vCPUHour": 1.0}},
        {"billedResourceUtilization": {"memoryGBHour": 1.0, "storageGBHour": 1.0}},
        {"totalResourceUtilization": {"vCPUHour": 1.0, "memoryGBHour": 1.0}},
    ],
)
def test_there_is_no_usage_before_aws_reports_it(job_run: dict[str, Any]) -> None:
    """Missing, incomplete, or used instead of billed resources yield `None`."""
    assert usage_of(job_run) is None


def test_nothing_billed_is_a_bill() -> None:
    """A job run that is cancelled before it has a worker is billed zero resources."""
    nothing = {"vCPUHour": 0.0, "memoryGBHour": 0.0, "storageGBHour": 0.0}
    assert usage_of({"billedResourceUtilization": nothing}) == Usage(
        vcpu_hours=0, memory_gb_hours=0, storage_gb_hours=0
    )


def test_a_job_lasts_from_its_submission_to_its_end() -> None:
    """The duration is rounded to a tenth of a second; without an end, it reaches to the last update."""
    created = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    updated, ended = created + timedelta(seconds=99), created + timedelta(seconds=83.26)
    assert seconds_of({"createdAt": created, "updatedAt": updated, "endedAt": ended}) == 83.3
    assert seconds_of({"createdAt": created, "updatedAt": updated}) == 99.0
