"""Tests of `fruits logs`."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from cli.cloud import logs
from cli.cloud.environment import Deployment
from cli.cloud.history import Job
from cli.cloud.log_groups import log_groups_of, source_of
from cli.cloud.log_reader import entries_about
from cli.cloud.logged_run import logged_run, run_in
from cli.main import main
from contract.coordination import COORDINATION, HOLDER, KEY
from contract.environments import Output
from contract.runs import Mode
from contract.workflow import RunRecord, RunRequest

RUN, OTHER = "20261120T121530Z-3fa94c", "20261120T114500Z-aaaaaa"
START = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=15, second=30, microsecond=0)
"""A day ago: CloudWatch accepts no lines that are older than two weeks."""
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:fruits-dev:update-1"

Event = dict[str, Any]
Write = Callable[..., None]


@pytest.fixture
def record(record: RunRecord) -> RunRecord:
    """Return the record of a run of a day ago, whose execution AWS has deleted."""
    return replace(
        record,
        execution="arn:aws:states:eu-west-1:123456789012:execution:fruits-dev:gone",
        started_at=START.isoformat(),
        finished_at=(START + timedelta(seconds=90)).isoformat(),
    )


@pytest.fixture
def write(deployment: Deployment) -> Write:
    """Return a function that writes lines to a log stream, given as seconds since the start and text."""
    made: set[tuple[str, str]] = set()

    def write_it(group: str, stream: str, *lines: tuple[float, str], start: datetime = START) -> None:
        if (group, stream) not in made:
            deployment.logs.create_log_stream(logGroupName=group, logStreamName=stream)
            made.add((group, stream))
        at = int(start.timestamp() * 1000)
        events = [{"timestamp": at + int(seconds * 1000), "message": text} for seconds, text in lines]
        deployment.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    return write_it


def _log4j(seconds: float, text: str) -> str:
    return f"{START + timedelta(seconds=seconds):%y/%m/%d %H:%M:%S} {text}"


def _history(*steps: tuple[float, str, str | None], jobs: dict[int, str] | None = None) -> list[Event]:
    """Return the history of an execution: seconds since the start, state, and run of each step."""
    events: list[Event] = [{"timestamp": START, "type": "ExecutionStarted"}]
    for number, (seconds, state, run) in enumerate(steps):
        document = json.dumps({"run_id": run} if run else {})
        at = START + timedelta(seconds=seconds)
        details = {"name": state, "input": document}
        events.append({"timestamp": at, "type": "TaskStateEntered", "stateEnteredEventDetails": details})
        if jobs and number in jobs:
            output = json.dumps({"ApplicationId": "00old", "JobRunId": jobs[number]})
            submitted = {"resourceType": "emr-serverless", "resource": "startJobRun.sync", "output": output}
            events.append({"timestamp": at, "type": "TaskSubmitted", "taskSubmittedEventDetails": submitted})
    return events


def _failed(seconds: float, error: str, cause: str) -> Event:
    details = {"resourceType": "x", "resource": "y", "error": error, "cause": cause}
    at = START + timedelta(seconds=seconds)
    return {"timestamp": at, "type": "TaskFailed", "taskFailedEventDetails": details}


@contextmanager
def _stubbed(deployment: Deployment, *histories: list[Event]) -> Iterator[None]:
    with Stubber(deployment.stepfunctions) as stubbed:
        for history in histories:
            numbered = [event | {"id": number} for number, event in enumerate(history, start=1)]
            stubbed.add_response("get_execution_history", {"events": numbered[::-1]})
        yield


ONE_RUN = _history((0, "CheckRequest", None), (1, "RunJob", RUN), (95, "RecordRun", RUN), jobs={1: "00job"})
ENDED = {"timestamp": START + timedelta(seconds=99), "type": "ExecutionSucceeded"}


def test_all_parts_of_a_run_are_merged_by_time(
    deployment: Deployment, write: Write, publish: Callable[..., None], record: RunRecord
) -> None:
    """Workflow, functions, driver and executors of one run appear in the order of time, and other runs do not."""
    publish(RUN, record)
    jobs = "applications/00old/jobs/00job/"
    write("jobs", f"{jobs}SPARK_DRIVER/stdout", (60, "plan  2.0 s"))
    write("jobs", f"{jobs}SPARK_DRIVER/stderr", (61, _log4j(50, "WARN A: b")))
    write("jobs", f"/{jobs}SPARK_EXECUTOR/7/stderr", (62, _log4j(40, "ERROR C: d")))
    write("jobs", "applications/00old/jobs/00other/SPARK_DRIVER/stdout", (60, "of another run"))
    write("start-run", "s", (-600, "long before"), (-1, "taken in"))
    write("record-run", "s", (96, "recorded"), (3600, "long after"))
    with _stubbed(deployment, [*ONE_RUN, ENDED]):
        told = entries_about(deployment, logged_run(deployment, RUN))
    assert [(entry.source, entry.text) for entry in told] == [
        ("start_run", "taken in"),
        ("workflow", "checks the request"),
        ("workflow", "runs the Spark job"),
        ("executor 7", "C: d"),
        ("driver", "A: b"),
        ("driver", "plan  2.0 s"),
        ("workflow", "records duration and cost of the run"),
        ("record_run", "recorded"),
    ]


def test_each_round_of_an_execution_has_its_own_log() -> None:
    """The events of an execution are divided among its runs; those before the first belong to it."""
    events = [
        event | {"id": number}
        for number, event in enumerate(
            _history(
                (0, "Acquire", None),
                (1, "RunJob", OTHER),
                (60, "NextRound", OTHER),
                (61, "RunJob", RUN),
                (99, "Release", RUN),
                jobs={1: "00one", 3: "00two"},
            )
        )
    ]
    first, second = run_in(EXECUTION, events, OTHER), run_in(EXECUTION, events, RUN)
    assert first.jobs == (Job(application_id="00old", job_run_id="00one"),)
    assert second.jobs == (Job(application_id="00old", job_run_id="00two"),)
    assert (first.begins, first.ends) == (START, START + timedelta(seconds=60))
    assert (second.begins, second.ends) == (START + timedelta(seconds=61), None)


def test_a_run_whose_history_aws_has_deleted_has_a_log_nevertheless(
    deployment: Deployment, write: Write, publish: Callable[..., None], record: RunRecord
) -> None:
    """The record of the run names its job; moto does not know the execution."""
    publish(RUN, record)
    write("jobs", "applications/00application/jobs/00job/SPARK_DRIVER/stdout", (60, "plan  2.0 s"))
    told = entries_about(deployment, logged_run(deployment, RUN))
    assert [entry.text for entry in told] == ["plan  2.0 s"]


def test_the_log_of_a_job_is_found_after_its_application_was_replaced(
    deployment: Deployment, write: Write, publish: Callable[..., None], record: RunRecord
) -> None:
    """The names of log streams contain the id of the application, which the link in the record ends with."""
    page = "https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/serverless-applications/00replaced"
    publish(RUN, replace(record, links={"application": page}))
    write("jobs", "applications/00replaced/jobs/00job/SPARK_DRIVER/stdout", (60, "plan  2.0 s"))
    told = entries_about(deployment, logged_run(deployment, RUN))
    assert [entry.text for entry in told] == ["plan  2.0 s"]


@pytest.mark.parametrize("run_id", [RUN, None])
def test_a_run_that_was_stopped_has_a_log(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, run_id: str | None
) -> None:
    """It has no record: the history of its execution names the run and the job, also if no run is asked for."""
    monkeypatch.setattr("cli.cloud.logged_run.last_executions", lambda _: ["stopped"])
    monkeypatch.setattr("cli.cloud.logged_run.running_executions", lambda _: [])
    with _stubbed(deployment, ONE_RUN):
        found = logged_run(deployment, run_id)
    assert (found.run_id, found.execution) == (RUN, "stopped")


@pytest.mark.usefixtures("deployment")
def test_an_unknown_run_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """The message says where the ids of runs are; without any run, it says how to see the functions' logs."""
    assert main(["logs", "--env", "dev", "--run", RUN]) == 2
    err = capsys.readouterr().err
    assert err == f"fruits: There is no run {RUN}: `fruits runs --env dev` lists the runs.\n"
    assert main(["logs", "--env", "dev"]) == 2
    assert "There is no run yet: `fruits logs --hours 1 --env dev` shows" in capsys.readouterr().err


def test_entries_are_filtered_by_severity(
    write: Write,
    publish: Callable[..., None],
    record: RunRecord,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Spark's reports about itself are left out by default, traces of warnings are shortened, and errors are whole."""
    publish(RUN, record)
    trace = ("java.io.IOException: x", "\tat a.b(C.java:1)")
    lines = [_log4j(50, "INFO A: noise"), _log4j(51, "WARN A: careful"), *trace]
    lines += [_log4j(52, "ERROR A: broken"), *trace]
    write("jobs", "applications/00application/jobs/00job/SPARK_DRIVER/stderr", *((60, line) for line in lines))

    def printed(*options: str) -> list[str]:
        assert main(["logs", "--env", "dev", *options]) == 0
        return capsys.readouterr().out.splitlines()[1:]

    warning = [f"{START:%m-%d} 12:16:21  driver      WARNING A: careful", "    ... 2 more lines: --level all"]
    error = [
        f"{START:%m-%d} 12:16:22  driver      ERROR A: broken",
        "    java.io.IOException: x",
        "        at a.b(C.java:1)",
    ]
    assert printed() == printed("--level", "warning") == [*warning, *error]
    assert printed("--level", "error") == error
    assert printed("--level", "all")[0] == f"{START:%m-%d} 12:16:20  driver      A: noise"
    assert len(printed("--level", "all")) == 1 + 3 + 3


def test_a_log_without_entries_says_so(
    publish: Callable[..., None], record: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty answer is a sentence."""
    publish(RUN, record)
    assert main(["logs", "--env", "dev", "--level", "error"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "There are no entries of level error or above."


def test_the_last_hours_are_read_without_a_run(
    deployment: Deployment, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --hours, a function that fails before any run starts has a log, too."""
    write("start-run", "s", (-7000, "long ago"), (-60, "[ERROR] ClientError: denied"), start=datetime.now(UTC))
    assert main(["logs", "--env", "dev", "--hours", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("  start_run   ERROR ClientError: denied")
    assert deployment


def test_failures_in_the_history_are_entries(deployment: Deployment, record: RunRecord) -> None:
    """A task that failed is a warning, because it may be tried again; a bill that is not ready is none."""
    history = [
        *ONE_RUN,
        _failed(96, "BillNotReadyError", "00job"),
        _failed(97, "States.TaskFailed", json.dumps({"StateDetails": "61 of 100 refused"})),
        {
            "timestamp": START + timedelta(seconds=99),
            "type": "ExecutionFailed",
            "executionFailedEventDetails": {"error": "States.TaskFailed", "cause": "no"},
        },
    ]
    events = [event | {"id": number} for number, event in enumerate(history)]
    told = entries_about(deployment, run_in(record.execution, events, RUN))
    assert [(entry.severity.name, entry.text) for entry in told[-3:]] == [
        ("NOISE", "a task failed: BillNotReadyError: 00job"),
        ("WARNING", "a task failed: 61 of 100 refused"),
        ("ERROR", "the execution ended as FAILED: no"),
    ]


def test_following_yields_each_entry_once_until_the_execution_ends(deployment: Deployment, write: Write) -> None:
    """New entries appear with each request, late ones of a job as well, and a trace in two parts stays together."""
    events = [event | {"id": number} for number, event in enumerate(ONE_RUN, start=1)]
    run, stream = run_in(EXECUTION, events, RUN), "applications/00old/jobs/00job/SPARK_DRIVER/stderr"
    looks: list[list[str]] = []

    def wait(_: float) -> None:
        if len(looks) == 1:
            write("jobs", stream, (71, "\tat a.b"), (72, _log4j(72, "WARN A: later")))

    write("jobs", stream, (70, _log4j(70, "ERROR A: b")))
    with _stubbed(deployment, ONE_RUN, ONE_RUN, [*ONE_RUN, ENDED]):
        for entries in logs.follow(deployment, run, wait):
            driver = [entry for entry in entries if entry.source == "driver"]
            looks.append([line for entry in driver for line in entry.lines])
    assert looks == [[], ["A: b", "\tat a.b"], ["A: later"]]


def test_the_run_that_goes_on_is_the_default(
    deployment: Deployment, publish: Callable[..., None], record: RunRecord
) -> None:
    """Without --run, the log is that of the execution that holds the lease, before it has begun its first run."""
    publish(RUN, record)
    execution = deployment.stepfunctions.start_execution(
        stateMachineArn=deployment.resource(Output.STATE_MACHINE),
        name="b",
        input=RunRequest(mode=Mode.UPDATE).to_json(),
    )["executionArn"]
    item: Any = {KEY: {"S": COORDINATION}, HOLDER: {"S": execution}}
    deployment.dynamodb.put_item(TableName=deployment.resource(Output.COORDINATION_TABLE), Item=item)
    found = logged_run(deployment)
    assert (found.run_id, found.execution) == (None, execution)


def test_the_streams_of_a_job_have_sources() -> None:
    """The names of streams say which executor has written them."""
    assert source_of("applications/a/jobs/j/SPARK_DRIVER/stderr") == "driver"
    assert source_of("/applications/a/jobs/j/SPARK_EXECUTOR/12/stdout") == "executor 12"


def test_the_log_groups_are_those_of_the_stack(deployment: Deployment) -> None:
    """The user names no log group: the resources of the stack say them."""
    groups = log_groups_of(deployment)
    assert groups.jobs == "jobs"
    assert groups.functions == {"start_run": "start-run", "record_run": "record-run"}
