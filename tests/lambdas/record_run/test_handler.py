"""Tests of `record_run` as the state machine calls it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from moto.emrserverless.models import emrserverless_backends

from contract.environments import DeployedVersion
from contract.job import MISTAKE, JobFailure
from contract.layout import LATEST, PICTURED, SUPERSEDED, job_failure, report_page, results_folder, run_record
from contract.prices import Prices
from contract.report_cost import COST_PLACE, with_cost
from contract.runs import Mode
from contract.summary import Latest
from contract.workflow import BillNotReadyError, RecordAnswer, RecordRequest, RunRecord, Usage
from lambdas.record_run.expiry import mark
from lambdas.record_run.handler import Recorder, answer_to, metrics, record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).parents[3]

RUN_ID = "20261120T121530Z-3fa94c00"
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:fruits:update-1"
PRICES = Prices(vcpu_hour=0.05, gb_hour=0.006, storage_gb_hour=0.0001)
BILLED = {"vCPUHour": 2.0, "memoryGBHour": 10.0, "storageGBHour": 5.0}
USAGE = Usage(vcpu_hours=2.0, memory_gb_hours=10.0, storage_gb_hours=5.0)
COST = 0.1605
STARTED = datetime(2026, 11, 20, 12, 15, 31, tzinfo=UTC)
ENDED = STARTED + timedelta(minutes=4, seconds=2.5)


def _request(outcome: object, mode: Mode = Mode.UPDATE, retries: int = 0) -> RecordRequest:
    told = {"run_id": RUN_ID, "mode": mode.value, "execution": EXECUTION, "round": 2, "attempt": 1}
    return RecordRequest.from_event({**told, "outcome": outcome, "retries": retries})


@pytest.fixture
def application(aws: str) -> str:  # noqa: ARG001 -- starts the local AWS
    """Return the id of an EMR Serverless application."""
    emr = boto3.client("emr-serverless")
    made = emr.create_application(name="fruits", clientToken="token", releaseLabel="emr-7.0.0", type="SPARK")
    return made["applicationId"]


@pytest.fixture
def job(application: str) -> Callable[..., str]:
    """Return a function that starts a job run and sets its result, because moto runs no jobs."""

    def run(state: str = "SUCCESS", *, billed: dict[str, float] | None = BILLED, details: str | None = None) -> str:
        started = boto3.client("emr-serverless").start_job_run(
            applicationId=application,
            executionRoleArn="arn:aws:iam::123456789012:role/job",
            clientToken="token",
            jobDriver={"sparkSubmit": {"entryPoint": "s3://assets/main.py"}},
        )
        found: Any = emrserverless_backends["123456789012"]["eu-west-1"].job_runs[application][-1]
        found.state, found.state_details, found.billed_resource_utilization = state, details, billed
        found.created_at, found.ended_at = STARTED, ENDED
        return started["jobRunId"]

    return run


@pytest.fixture
def recorder(s3: "S3Client", bucket: str, application: str) -> Recorder:
    """Return the clients and settings of the function."""
    metrics.clear_metrics()  # as `log_metrics` does after each invocation
    return Recorder(s3, boto3.client("emr-serverless"), bucket, application, "eu-west-1", PRICES)


def _publish(recorder: Recorder, *run_ids: str) -> None:
    """Write complete results, and make the last run the last complete one."""
    for run_id in run_ids:
        recorder.s3.put_object(Bucket=recorder.bucket, Key=f"{results_folder(run_id)}summary.json", Body=b"{}")
    latest = Latest(run_id=run_ids[-1], results=results_folder(run_ids[-1]), finished_at=ENDED.isoformat())
    recorder.s3.put_object(Bucket=recorder.bucket, Key=LATEST, Body=latest.to_json().encode())


def _objects(recorder: Recorder) -> dict[str, dict[str, str]]:
    """Return key → tags of all objects of the bucket."""
    found = {}
    for listed in recorder.s3.list_objects_v2(Bucket=recorder.bucket).get("Contents", []):
        tags = recorder.s3.get_object_tagging(Bucket=recorder.bucket, Key=listed["Key"])["TagSet"]
        found[listed["Key"]] = {tag["Key"]: tag["Value"] for tag in tags}
    return found


def _read(recorder: Recorder) -> RunRecord:
    found = recorder.s3.get_object(Bucket=recorder.bucket, Key=run_record(RUN_ID))
    assert found["ContentType"] == "application/json"
    return RunRecord.from_json(found["Body"].read())


def _body(recorder: Recorder, key: str) -> bytes:
    return recorder.s3.get_object(Bucket=recorder.bucket, Key=key)["Body"].read()


def _report(recorder: Recorder, body: bytes) -> None:
    recorder.s3.put_object(Bucket=recorder.bucket, Key=job_failure(RUN_ID), Body=body)


def _failure(exit_code: int, run_id: str = RUN_ID) -> JobFailure:
    return JobFailure(run_id=run_id, exit_code=exit_code, reason="The tables are of another model.")


@pytest.mark.parametrize(("exit_code", "final"), [(MISTAKE, True), (1, False)])
def test_a_failure_is_recorded_in_the_words_of_the_job(
    recorder: Recorder, job: Callable[..., str], exit_code: int, *, final: bool
) -> None:
    """The reason is that of the job's report, and the state machine learns whether another attempt would fail, too."""
    failed = job("FAILED", details="Job failed, please check complete logs. ExitCode: 2. Last few exceptions: ...")
    _report(recorder, _failure(exit_code).to_json().encode())
    answer = answer_to(_request({"Error": "States.TaskFailed", "Cause": json.dumps({"JobRunId": failed})}), recorder)
    assert answer == RecordAnswer(final=final)
    assert _read(recorder).reason == "The tables are of another model."


@pytest.mark.parametrize(
    "body",
    [
        None,
        *(b"", b"{", b"[]", b"\xff", b" " * 200_000),
        _failure(MISTAKE).to_json().replace("model", "table").encode(),
        _failure(MISTAKE, "20261120T121530Z-ffffffff").to_json().encode(),
    ],
)
def test_a_failure_without_a_report_may_be_tried_again(
    recorder: Recorder, job: Callable[..., str], body: bytes | None
) -> None:
    """A report that is absent, damaged, too large or about another run counts as none, whatever AWS says."""
    failed = job("FAILED", details="ExitCode: 2")
    if body is not None:
        _report(recorder, body)
    assert answer_to(_request({"JobRunId": failed}), recorder) == RecordAnswer(final=False)
    assert _read(recorder).reason == "ExitCode: 2"


@pytest.mark.parametrize(("code", "is_absent"), [("AccessDenied", True), ("SlowDown", False)])
def test_a_report_that_s3_hides_is_absent(
    recorder: Recorder, job: Callable[..., str], code: str, *, is_absent: bool
) -> None:
    """S3 answers "AccessDenied" for an object that does not exist, because the function may not list all folders."""
    request = _request({"JobRunId": job("FAILED", details="why")})

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": code}}, "GetObject")

    recorder.s3.meta.events.register("before-call.s3.GetObject", refuse)
    if is_absent:
        assert answer_to(request, recorder) == RecordAnswer(final=False)
    else:
        with pytest.raises(ClientError, match=code):
            answer_to(request, recorder)


def test_a_successful_run_is_never_final(recorder: Recorder, job: Callable[..., str]) -> None:
    """A report of an earlier failure does not matter, and the version that has run is recorded."""
    _publish(recorder, RUN_ID)
    _report(recorder, _failure(MISTAKE).to_json().encode())
    version = DeployedVersion(revision="0123456789ab", model="imagenet 0123456789ab")
    request = replace(_request({"JobRunId": job()}), version=version)
    assert answer_to(request, recorder) == RecordAnswer(final=False)
    written = _read(recorder)
    assert (written.reason, written.version) == (None, version)


OLDER = "20261119T121530Z-00000000"


def test_a_good_run_is_recorded_beside_its_results(recorder: Recorder, job: Callable[..., str]) -> None:
    """The record of a successful run contains the request, the job run and the cost, and does not expire."""
    _publish(recorder, OLDER, RUN_ID)
    job_run_id = job()
    returned = record(_request({"JobRunId": job_run_id, "State": "SUCCESS"}), recorder)
    written = _read(recorder)
    assert written == returned
    links = written.links
    assert written == RunRecord(
        run_id=RUN_ID,
        mode="update",
        execution=EXECUTION,
        round=2,
        attempt=1,
        job_run_id=job_run_id,
        state="SUCCESS",
        reason=None,
        started_at=written.started_at,
        finished_at=written.finished_at,
        seconds=242.5,
        billed=USAGE,
        cost_usd=COST,
        links=links,
    )
    assert datetime.fromisoformat(written.started_at) == STARTED
    assert datetime.fromisoformat(written.finished_at) == ENDED
    assert set(links) == {"execution", "application"}
    assert links["execution"].startswith("https://eu-west-1.console.aws.amazon.com/states/")
    assert links["execution"].endswith(EXECUTION)
    assert links["application"].endswith(recorder.application_id)
    assert _objects(recorder) == {
        LATEST: {},
        run_record(RUN_ID): {},
        f"{results_folder(RUN_ID)}summary.json": {},
        f"{results_folder(OLDER)}summary.json": SUPERSEDED,
    }


def test_a_run_on_an_application_that_was_replaced_is_recorded(recorder: Recorder, job: Callable[..., str]) -> None:
    """The request names the application of the run; that of the function is the one of the last deployment."""
    request = replace(_request({"JobRunId": job()}, Mode.MAINTAIN), application=recorder.application_id)
    after = replace(recorder, application_id="00replacement00")
    recorded = record(request, after)
    assert (recorded.billed, recorded.application_id) == (USAGE, recorder.application_id)
    with pytest.raises(ClientError):
        record(replace(request, application=None), after)


def test_the_report_of_a_good_run_shows_its_cost(recorder: Recorder, job: Callable[..., str]) -> None:
    """Only the report of the run changes. If the results are superseded already, their report will still expire."""
    newer = "20261121T121530Z-00000000"
    _publish(recorder, OLDER, RUN_ID, newer)
    for run_id in (OLDER, RUN_ID):
        recorder.s3.put_object(Bucket=recorder.bucket, Key=report_page(run_id), Body=COST_PLACE.encode())
        mark(recorder.s3, recorder.bucket, report_page(run_id))
    record(_request({"JobRunId": job()}), recorder)
    assert _body(recorder, report_page(RUN_ID)) == with_cost(COST_PLACE.encode(), COST)
    assert _body(recorder, report_page(OLDER)) == COST_PLACE.encode()
    assert _objects(recorder)[report_page(RUN_ID)] == SUPERSEDED | PICTURED


@pytest.mark.parametrize(("state", "billed"), [("SUCCESS", None), ("FAILED", BILLED)])
def test_a_report_without_a_known_cost_and_one_of_a_failed_run_stay(
    recorder: Recorder, job: Callable[..., str], state: str, billed: dict[str, float] | None
) -> None:
    """The function does not touch the report if AWS reports no cost, or if the run has failed."""
    _publish(recorder, RUN_ID)
    recorder.s3.put_object(Bucket=recorder.bucket, Key=report_page(RUN_ID), Body=COST_PLACE.encode())
    record(_request({"JobRunId": job(state, billed=billed)}, retries=3), recorder)
    assert _body(recorder, report_page(RUN_ID)) == COST_PLACE.encode()


@pytest.mark.parametrize(
    "error", [ClientError({"Error": {"Code": "SlowDown"}}, "PutObject"), EndpointConnectionError(endpoint_url="s3")]
)
@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_a_report_that_can_not_be_changed_fails_nothing(
    recorder: Recorder, job: Callable[..., str], operation: str, error: Exception
) -> None:
    """If S3 rejects or drops a request for the report, the run is recorded and earlier results are tagged."""
    _publish(recorder, OLDER, RUN_ID)
    recorder.s3.put_object(Bucket=recorder.bucket, Key=report_page(RUN_ID), Body=COST_PLACE.encode())
    outcome = {"JobRunId": job()}

    def refuse(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith("report.html"):
            raise error

    recorder.s3.meta.events.register(f"before-call.s3.{operation}", refuse)
    record(_request(outcome), recorder)
    recorder.s3.meta.events.unregister(f"before-call.s3.{operation}", refuse)
    assert _read(recorder).cost_usd == COST
    assert _objects(recorder)[f"{results_folder(OLDER)}summary.json"] == SUPERSEDED
    assert _body(recorder, report_page(RUN_ID)) == COST_PLACE.encode()


def test_a_maintain_run_supersedes_no_results(recorder: Recorder, job: Callable[..., str]) -> None:
    """A `maintain` run is recorded, and no results are tagged, because it publishes none."""
    _publish(recorder, OLDER, "20261119T121531Z-00000000")
    record(_request({"JobRunId": job()}, Mode.MAINTAIN), recorder)
    assert _read(recorder).mode == "maintain"
    assert all(tags == {} for tags in _objects(recorder).values())


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_failed_job_is_recorded_with_its_reason_and_will_expire(
    recorder: Recorder, job: Callable[..., str], state: str
) -> None:
    """The record of a failed run contains reason and cost, and is tagged; the results of other runs are not."""
    _publish(recorder, OLDER, "20261119T121531Z-00000000")
    job_run_id = job(state, details="Job failed: ModelMismatchError")
    cause = json.dumps({"JobRunId": job_run_id, "State": state})
    record(_request({"Error": "States.TaskFailed", "Cause": cause}), recorder)
    written = _read(recorder)
    assert (written.job_run_id, written.state, written.cost_usd) == (job_run_id, state, COST)
    assert written.reason == "Job failed: ModelMismatchError"
    tags = _objects(recorder)
    assert tags.pop(run_record(RUN_ID)) == SUPERSEDED
    assert all(others == {} for others in tags.values())


def test_a_job_that_gives_no_reason_has_that_of_the_workflow(recorder: Recorder, job: Callable[..., str]) -> None:
    """If EMR Serverless gives no reason, the record contains the cause that Step Functions gives."""
    cause = json.dumps({"JobRun": {"JobRunId": job("FAILED")}})
    record(_request({"Error": "States.TaskFailed", "Cause": cause}), recorder)
    assert _read(recorder).reason == f"States.TaskFailed: {cause}"


@pytest.mark.parametrize("state", ["SUCCESS", "FAILED", "CANCELLED"])
def test_the_cost_is_requested_three_times(recorder: Recorder, job: Callable[..., str], state: str) -> None:
    """Three requests raise `BillNotReadyError` and write nothing; the fourth writes a record without cost."""
    _publish(recorder, RUN_ID)
    before, outcome = _objects(recorder), {"JobRunId": job(state, billed=None)}
    for retries in range(3):
        with pytest.raises(BillNotReadyError, match=outcome["JobRunId"]):
            record(_request(outcome, retries=retries), recorder)
        assert _objects(recorder) == before
    record(_request(outcome, retries=3), recorder)
    written = _read(recorder)
    assert (written.state, written.billed, written.cost_usd, written.seconds) == (state, None, None, 242.5)


def test_a_known_cost_is_recorded_at_once(recorder: Recorder, job: Callable[..., str]) -> None:
    """If AWS reports the cost, every request records it, the first one as well as a retry."""
    _publish(recorder, RUN_ID)
    for retries in range(4):
        assert record(_request({"JobRunId": job()}, retries=retries), recorder).cost_usd == COST


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (
            {"Error": "EMRServerless.ValidationException", "Cause": "Application is terminated. (Status Code: 400)"},
            "EMRServerless.ValidationException: Application is terminated. (Status Code: 400)",
        ),
        ({"Error": "States.Timeout"}, "States.Timeout"),
        ({"Error": "States.Timeout", "Cause": ""}, "States.Timeout"),
        ({"Error": "States.TaskFailed", "Cause": "cut in half: \ud83c"}, "States.TaskFailed: cut in half: \ud83c"),
        ({"Status": "?"}, "{'Status': '?'}"),
        ("unheard of", "unheard of"),
        (None, "None"),
    ],
)
def test_a_run_without_a_job_is_recorded_with_the_cause(recorder: Recorder, outcome: object, reason: str) -> None:
    """A run without a job run has a record with the cause and without cost, for any outcome. The record is tagged."""
    now = datetime.now(UTC)
    returned = record(_request(outcome, Mode.REPROCESS), recorder)
    written = _read(recorder)
    assert written == returned
    assert (written.job_run_id, written.state, written.reason) == (None, "NOT_STARTED", reason)
    assert (written.seconds, written.billed, written.cost_usd) == (0, None, None)
    assert (written.run_id, written.mode, written.round, written.attempt) == (RUN_ID, "reprocess", 2, 1)
    assert now <= datetime.fromisoformat(written.started_at) == datetime.fromisoformat(written.finished_at)
    assert _objects(recorder) == {run_record(RUN_ID): SUPERSEDED}


def test_an_unknown_job_run_raises_an_error(recorder: Recorder, job: Callable[..., str]) -> None:
    """If EMR Serverless has no such job run, its error is raised and nothing is written."""
    job()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        record(_request({"JobRunId": "gone"}), recorder)
    assert _objects(recorder) == {}


def test_a_record_is_written_although_nothing_can_be_marked(recorder: Recorder, job: Callable[..., str]) -> None:
    """If S3 rejects a tag, the record is already written, and the error makes the state machine retry."""
    _publish(recorder, OLDER, RUN_ID)
    outcome = {"JobRunId": job()}

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObjectTagging")

    events = recorder.s3.meta.events
    events.register("before-call.s3.PutObjectTagging", refuse)
    with pytest.raises(ClientError, match="SlowDown"):
        record(_request(outcome), recorder)
    assert _read(recorder).state == "SUCCESS"
    events.unregister("before-call.s3.PutObjectTagging", refuse)
    record(_request(outcome, retries=1), recorder)
    assert _objects(recorder)[f"{results_folder(OLDER)}summary.json"] == SUPERSEDED


TEXT = st.text(st.characters(), max_size=10)
NUMBER = st.floats(0, 1e9)
RECORDS = st.builds(
    RunRecord,
    run_id=st.just(RUN_ID),
    mode=st.sampled_from(Mode).map(str),
    execution=TEXT,
    round=st.integers(1),
    attempt=st.integers(1),
    job_run_id=st.none() | TEXT,
    state=TEXT,
    reason=st.none() | TEXT,
    started_at=TEXT,
    finished_at=TEXT,
    seconds=NUMBER,
    billed=st.none() | st.builds(Usage, vcpu_hours=NUMBER, memory_gb_hours=NUMBER, storage_gb_hours=NUMBER),
    cost_usd=st.none() | NUMBER,
    links=st.dictionaries(TEXT, TEXT, max_size=2),
)


@given(RECORDS)
def test_a_record_survives_its_document(written: RunRecord) -> None:
    """A record with any texts, and with a cost of zero, equals the record that is read from its document."""
    assert RunRecord.from_json(written.to_json().encode(errors="backslashreplace")) == written


CALL = """
import json, sys
from types import SimpleNamespace
from lambdas.record_run.handler import handler
context = SimpleNamespace(
    function_name="record-run",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:record-run",
    aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
)
for event in json.load(sys.stdin):
    print(json.dumps({"answer": handler(event, context)}))
"""


def test_the_handler_records_and_emits_metrics(recorder: Recorder, job: Callable[..., str]) -> None:
    """With the environment of the stack, the handler writes the record, emits the metrics, and returns its answer.

    A run without cost emits no metric of the cost.

    """
    _publish(recorder, RUN_ID)
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
        "BUCKET": recorder.bucket,
        "APPLICATION_ID": recorder.application_id,
        "PRICES": json.dumps({"vcpu_hour": 0.05, "gb_hour": 0.006, "storage_gb_hour": 0.0001}),
        "POWERTOOLS_METRICS_NAMESPACE": "Fruits/test",
    }
    requests = [_request({"Error": "States.Timeout", "Cause": ""}), _request({"JobRunId": job()})]
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        input=json.dumps([asdict(request) for request in requests]).encode(),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [line["answer"] for line in lines if "answer" in line] == [{"final": False}] * 2
    without, figures = (line for line in lines if "_aws" in line)
    assert (without["RunSeconds"], "RunCostUSD" in without) == ([0.0], False)
    assert (figures["RunSeconds"], figures["RunCostUSD"], figures["service"]) == ([242.5], [COST], "record_run")
    (metric,) = figures["_aws"]["CloudWatchMetrics"]
    assert (metric["Namespace"], metric["Dimensions"]) == ("Fruits/test", [["service"]])
    assert {(found["Name"], found["Unit"]) for found in metric["Metrics"]} == {
        ("RunSeconds", "Seconds"),
        ("RunCostUSD", "None"),
    }
    told = [line for line in lines if line.get("message") == "Recorded"]
    assert [(line["run_id"], line["state"], line.get("cost_usd")) for line in told] == [
        (RUN_ID, "NOT_STARTED", None),
        (RUN_ID, "SUCCESS", COST),
    ]
    assert _read(recorder).cost_usd == COST
