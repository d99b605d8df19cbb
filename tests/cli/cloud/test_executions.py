"""Tests of `fruits start` and `fruits reprocess`: what they print while an execution runs, and at its end."""

import io
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from cdk.stateless.workflow_definition import JobSettings, WorkflowSettings, workflow_definition
from cli.cloud.causes import readable_cause
from cli.cloud.environment import Deployment
from cli.cloud.errors import CloudError, InterruptedByUserError
from cli.cloud.executions import follow
from cli.cloud.history import (
    SILENT_STATES,
    STATE_PHRASES,
    WAITING_STATES,
    current_state,
    events_after,
    phrase_for,
)
from cli.cloud.progress import step_printer
from cli.main import main
from contract.environments import DeployedVersion, Output
from contract.runs import Mode
from contract.summary import Summary
from contract.workflow import RunRecord

RUN = "20261120T121530Z-3fa94c"
START = datetime(2026, 11, 20, 12, 15, tzinfo=UTC)
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:fruits-dev:reprocess-1"

Event = dict[str, Any]


@pytest.fixture
def printed(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Return a function that follows an execution whose history grows with each request, and returns the output."""

    def follow_it(*histories: list[Event], jobs: tuple[str | tuple[str, str], ...] = ()) -> list[str]:
        events: list[Event] = []
        with Stubber(deployment.stepfunctions) as stubbed, Stubber(deployment.emr) as emr:
            for new in histories:
                events += new
                numbered = [event | {"id": number} for number, event in enumerate(events, start=1)]
                stubbed.add_response("get_execution_history", {"events": numbered[::-1]})
            for seconds, job in enumerate(jobs, start=100):
                job_run_id, state = job if isinstance(job, tuple) else ("00job", job)
                expected = {"applicationId": "00application", "jobRunId": job_run_id}
                emr.add_response("get_job_run", {"jobRun": _job(job_run_id, state, seconds)}, expected)
            follow(deployment, EXECUTION, lambda _: None)
            stubbed.assert_no_pending_responses()
            emr.assert_no_pending_responses()
        return capsys.readouterr().out.splitlines()

    return follow_it


def _job(job_run_id: str, state: str, seconds: float) -> dict[str, Any]:
    now = START + timedelta(seconds=seconds)
    texts = ("arn", "createdBy", "executionRole", "stateDetails", "releaseLabel")
    return {
        "applicationId": "00application",
        "jobRunId": job_run_id,
        "state": state,
        "createdAt": now,
        "updatedAt": now,
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://bucket/main.py"}},
    } | dict.fromkeys(texts, "x" * 60)


def _at(seconds: float, kind: str, **details: Any) -> Event:  # noqa: ANN401 -- details of any event
    return {"timestamp": START + timedelta(seconds=seconds), "type": kind} | details


def _entered(seconds: float, *states: str, **state_input: str) -> list[Event]:
    return [
        _at(
            seconds,
            "TaskStateEntered",
            stateEnteredEventDetails={"name": state, "input": json.dumps(state_input)},
        )
        for state in states
    ]


def _submitted(seconds: float, job_run_id: str = "00job", casing: str = "JobRunId") -> list[Event]:
    output = json.dumps({"ApplicationId": "00application", casing: job_run_id})
    details = {"resourceType": "emr-serverless", "resource": "startJobRun.sync", "output": output}
    return [_at(seconds, "TaskSubmitted", taskSubmittedEventDetails=details)]


def _failed(seconds: float, cause: str = "A user stopped it.") -> list[Event]:
    details = {"error": "States.TaskFailed", "cause": cause}
    return [_at(seconds, "ExecutionFailed", executionFailedEventDetails=details)]


BEGUN = [_at(0, "ExecutionStarted")]


def test_a_run_is_printed_from_its_start_to_its_cost(
    printed: Callable[..., list[str]], publish: Callable[..., None], record: RunRecord, summary: Summary
) -> None:
    """The command prints each state with the time since the start, the states of the job, and the results."""
    publish(RUN, record, summary)
    assert printed(
        BEGUN + _entered(0.2, "CheckRequest", "Begin") + _entered(1, "Acquire"),
        [*_entered(2, "NameRun", "PlanRound"), *_entered(3, "RunJob", run_id=RUN), *_submitted(4)],
        [],
        [],
        [_at(500, "TaskSucceeded"), *_entered(501, "RecordRun", run_id=RUN)],
        [*_entered(3700, "Release", run_id=RUN), *_entered(3701, "Done"), _at(3702, "ExecutionSucceeded")],
        jobs=("SUBMITTED", "RUNNING", "RUNNING"),
    ) == [
        "    0:00  checks the request",
        "    0:01  asks for the lease: one execution runs at a time",
        "    0:02  prepares the run",
        "    0:03  runs the Spark job",
        "    1:40  Spark job 00job: SUBMITTED",
        "    1:41  Spark job 00job: RUNNING",
        "    8:21  records duration and cost of the run",
        " 1:01:40  releases the lease",
        " 1:01:41  done",
        f"Run {RUN}",
        "  images    90,378",
        "  refused   2",
        "  duration  13:22",
        "  cost      0.188 USD",
        "Done in 1:01:42.",
        "Download the results with `fruits results --env dev`.",
    ]


def test_every_state_of_the_workflow_has_words() -> None:
    """Every state of the state machine has a phrase, or is one of the silent states."""
    job = JobSettings(
        application_id="a",
        role_arn="r",
        entry_point="e",
        arguments=(),
        spark_submit_parameters="",
        timeout_minutes=1,
        queue_minutes=1,
    )
    settings = WorkflowSettings(
        table_name="t",
        bucket_name="b",
        record_run_arn="f",
        job=job,
        attempts=2,
        turn_seconds=30,
        gather_seconds=60,
        version=DeployedVersion(revision="0123456789ab", model="seeded"),
    )
    states = set(workflow_definition(settings)["States"])
    assert states == set(STATE_PHRASES) | SILENT_STATES
    assert not set(STATE_PHRASES) & SILENT_STATES
    assert states > WAITING_STATES


def test_an_unknown_state_is_printed_by_its_name(printed: Callable[..., list[str]]) -> None:
    """The command can follow the state machine of a later version."""
    lines = printed([*BEGUN, *_entered(5, "WarmUpTheOven"), _at(6, "ExecutionSucceeded")])
    assert lines == ["    0:05  WarmUpTheOven", "Done in 0:06."]
    assert phrase_for("WarmUpTheOven") == "WarmUpTheOven"


def test_an_hour_of_waiting_is_printed_once(printed: Callable[..., list[str]]) -> None:
    """The states of waiting repeat, and are printed once; waiting again after a run is printed again."""
    turn = ("Acquire", "ReadHolder", "IsHeld", "DescribeHolder", "HolderRuns", "QueueUp", "WaitForTurn")
    waiting = [_entered(30.0 * number, *turn) for number in range(120)]
    lines = printed(
        [*BEGUN, *itertools.chain(*waiting), *_entered(3600, "PlanRound", "Acquire"), _at(1, "ExecutionSucceeded")]
    )
    assert [line.strip().split("  ")[1] for line in lines[:-1]] == [
        *(phrase_for(state) for state in turn if state not in SILENT_STATES),
        phrase_for("PlanRound"),
        phrase_for("Acquire"),
    ]


def test_a_job_that_fails_and_is_tried_again_is_printed(printed: Callable[..., list[str]]) -> None:
    """Each attempt is a job of its own, and its id may come from Step Functions or EMR, with other letter case."""
    lines = printed(
        [*BEGUN, *_entered(1, "RunJob"), *_submitted(2, "00one")],
        [_at(200, "TaskFailed"), *_entered(201, "RecordFailure", "TryAgain", "NextAttempt", "NameRun", "RunJob")],
        _submitted(202, "00two", casing="jobRunId"),
        [_at(300, "TaskSucceeded"), _at(301, "ExecutionSucceeded")],
        jobs=(("00one", "RUNNING"), ("00two", "RUNNING")),
    )
    assert lines == [
        "    0:01  runs the Spark job",
        "    1:40  Spark job 00one: RUNNING",
        "    3:20  Spark job 00one: failed",
        "    3:21  records duration and cost of the failed job",
        "    3:21  tries again",
        "    3:21  runs the Spark job",
        "    3:22  Spark job 00two: RUNNING",
        "Done in 5:01.",
    ]


def test_every_round_is_summarised_at_the_end(
    printed: Callable[..., list[str]], publish: Callable[..., None], record: RunRecord, summary: Summary
) -> None:
    """Each round and each attempt is a run, and the command summarises every run of the execution."""
    publish("20261120T121530Z-one", record, summary)
    publish("20261120T131530Z-two", replace(record, state="FAILED", reason="A machine was lost."))
    lines = printed(
        [
            *BEGUN,
            *_entered(1, "RunJob", run_id="20261120T121530Z-one"),
            *_entered(2, "NextRound"),
            *_entered(3, "RunJob", run_id="20261120T131530Z-two"),
            _at(4, "ExecutionSucceeded"),
        ]
    )
    assert lines[-11:-3] == [
        "Run 20261120T121530Z-one",
        "  images    90,378",
        "  refused   2",
        "  duration  13:22",
        "  cost      0.188 USD",
        "Run 20261120T131530Z-two",
        "  failed    A machine was lost.",
        "  duration  13:22",
    ]


def test_a_run_without_a_record_is_named(printed: Callable[..., list[str]]) -> None:
    """If the record of a run is missing, the command prints its id."""
    lines = printed([*BEGUN, *_entered(3, "RunJob", run_id=RUN), _at(4, "ExecutionSucceeded")])
    assert lines[1:3] == [f"Run {RUN}", "  has no record"]


def test_an_update_that_another_run_takes_along_says_so(printed: Callable[..., list[str]]) -> None:
    """An update that leaves its images to another run ends at once, and the command explains why."""
    lines = printed([*BEGUN, *_entered(1, "Joined"), _at(2, "ExecutionSucceeded")])
    assert lines[-1] == "Another run processes these images: follow it with `fruits status --env dev`."


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (_failed(9)[0], "A user stopped it."),
        (
            _failed(9, json.dumps({"JobRunId": "00job", "StateDetails": "61 of\n100 refused."}))[0],
            "61 of 100 refused.",
        ),
        (
            _failed(9, json.dumps({"errorMessage": "no such key", "errorType": "KeyError"}))[0],
            "no such key.",
        ),
        (_at(9, "ExecutionTimedOut"), "timed_out."),
        (_at(9, "ExecutionAborted", executionAbortedEventDetails={"cause": "by Ann"}), "by Ann."),
    ],
)
def test_a_run_that_fails_says_why_and_where_to_look(
    printed: Callable[..., list[str]], event: Event, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message of a failed run contains error, cause and the page of the execution; the exit code is 1."""
    with pytest.raises(CloudError) as failure:
        printed([*BEGUN, *_entered(1, "Failed"), event])
    assert failure.value.exit_code == 1
    page = f"https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/{EXECUTION}"
    log = "Read its log with `fruits logs --hours 1 --env dev`."
    assert str(failure.value) == f"The run failed: {reason} {log} The console shows it: {page}"
    assert "Done" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("exit_code", "exceptions", "words"),
    [
        (137, "none", "The job was killed (exit code 137), for example because its driver had too little memory."),
        (143, "none", "The job was asked to end (exit code 143): a user, or AWS, has stopped it."),
        (
            1,
            "WARNING: Using incubator modules: jdk.incubator.vector; Output: key#92; fruits: The storage failed.",
            "The job ended with exit code 1. Its last messages: fruits: The storage failed.",
        ),
    ],
)
def test_the_reason_of_emr_serverless_is_said_in_words(exit_code: int, exceptions: str, words: str) -> None:
    """The phrase of EMR Serverless becomes a sentence, without lines that every job writes."""
    reason = (
        "Job failed, please check complete logs in configured logging destination. "
        f"ExitCode: {exit_code}. Last few exceptions: {exceptions}"
    )
    assert readable_cause(reason) == words
    assert readable_cause(json.dumps({"JobRunId": "00job", "StateDetails": reason})) == words


def test_a_cause_of_many_pages_is_cut() -> None:
    """A cause may be a whole document, of which the message shows the beginning."""
    assert len(readable_cause("x" * 10_000)) < 600


def test_ctrl_c_stops_following_and_not_the_run(deployment: Deployment) -> None:
    """Ctrl-C ends the command with code 130. It does not stop the execution, a request that the stub would refuse."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with Stubber(deployment.stepfunctions) as stubbed:
        stubbed.add_response("get_execution_history", {"events": [event | {"id": 1} for event in BEGUN]})
        with pytest.raises(InterruptedByUserError) as interrupted:
            follow(deployment, EXECUTION, interrupt)
    assert interrupted.value.exit_code == 130
    assert str(interrupted.value).endswith("the run goes on. Follow it with `fruits status --env dev`.")


def test_a_network_failure_does_not_look_like_a_failed_run(
    deployment: Deployment, before: Callable[[str, Callable[[Any], None]], None]
) -> None:
    """The run goes on without this machine, and the message says so."""

    def cut(_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://states.example")

    before("GetExecutionHistory", cut)
    with pytest.raises(
        CloudError,
        match=r"any more\. https://states\.example does not answer",
    ) as failure:
        follow(deployment, EXECUTION, lambda _: None)
    assert str(failure.value).startswith("The run goes on, but this command can't follow it any more. ")
    assert str(failure.value).endswith("Follow it with `fruits status --env dev`.")


@pytest.mark.parametrize(
    ("command", "mode"), [(["reprocess"], "reprocess"), *((["start", "--mode", mode], mode) for mode in Mode)]
)
def test_it_starts_an_execution_that_asks_for_the_mode(
    command: list[str], mode: str, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name of the execution contains mode and time; with --no-follow, the command does not wait for its end."""
    assert main([*command, "--no-follow", "--env", "dev"]) == 0
    machine = deployment.resource(Output.STATE_MACHINE)
    (listed,) = deployment.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    started = deployment.stepfunctions.describe_execution(executionArn=listed["executionArn"])
    assert json.loads(started["input"]) == {"mode": mode}
    assert started["name"].startswith(f"{mode}-20")
    assert capsys.readouterr().out.splitlines() == [
        f"Started {started['name']}.",
        "Follow it with `fruits status --env dev`.",
    ]


def test_a_failure_in_a_local_aws_names_no_page_of_the_console(
    printed: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The console shows AWS itself, and nothing of a local AWS."""
    monkeypatch.setattr(Deployment, "is_local", True)
    with pytest.raises(CloudError) as failure:
        printed([*BEGUN, *_entered(1, "RunJob", run_id=RUN), *_failed(9)])
    assert "console" not in str(failure.value)
    assert str(failure.value).endswith(f"Read its log with `fruits logs --run {RUN} --env dev`.")


def test_it_follows_what_it_has_started(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with the execution, which moto ends at once."""
    assert deployment
    assert main(["reprocess", "--env", "dev"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["    0:10  A State", "Done in 0:20."]


def test_the_current_state_is_not_a_silent_one(deployment: Deployment) -> None:
    """The current state is the last one that has a phrase."""
    events = [*BEGUN, *_entered(1, "Acquire", "NameRun"), _at(2, "TaskScheduled")]
    with Stubber(deployment.stepfunctions) as stubbed:
        numbered = [event | {"id": number} for number, event in enumerate(events, start=1)]
        stubbed.add_response("get_execution_history", {"events": numbered})
        assert current_state(deployment.stepfunctions, EXECUTION) == "Acquire"


@pytest.mark.parametrize("newest_first", [True, False])
def test_new_events_are_found_in_both_orders_of_the_history(
    newest_first: bool,  # noqa: FBT001 -- a parameter of the test
    deployment: Deployment,
) -> None:
    """AWS lists the newest events first, and a local AWS may not; in both cases, each event is returned once."""
    events = [_at(number, "TaskScheduled") | {"id": number} for number in range(1, 6)]
    pages = [events[:1:-1], events[1::-1]] if newest_first else [events]
    with Stubber(deployment.stepfunctions) as stubbed:
        for number, page in enumerate(pages, start=1):
            more = {"nextToken": "more"} if number < len(pages) else {}
            stubbed.add_response("get_execution_history", {"events": page} | more)
        assert [event["id"] for event in events_after(deployment.stepfunctions, EXECUTION, 1)] == [2, 3, 4, 5]


def test_on_a_terminal_the_last_step_has_a_clock() -> None:
    """Below the lines, a terminal shows the last step with a clock, so that a long job does not look dead."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with step_printer(out) as print_step:
        print_step(61, "waits [for its turn]")
    assert "    1:01  waits [for its turn]" in out.getvalue()
    assert "0:00:00" in out.getvalue()
