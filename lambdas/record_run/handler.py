"""Entry point of `record_run`, which writes the record of a successful or failed run: ``results/<run_id>/run.json``."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from contract.environments import execution_page
from contract.functions import Function, Metric, RecordRunVariables
from contract.job import JobFailure
from contract.layout import run_record
from contract.prices import Prices
from contract.runs import Mode
from contract.workflow import (
    BILL_RETRIES,
    NOT_STARTED,
    SUCCESS,
    BillNotReadyError,
    RecordAnswer,
    RecordRequest,
    RunRecord,
)
from lambdas.record_run.expiry import mark, mark_superseded
from lambdas.record_run.failure import read_failure
from lambdas.record_run.job import end_of, job_run_id_of, seconds_of, usage_of
from lambdas.record_run.report import add_cost

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_s3 import S3Client

logger = Logger(service=Function.RECORD_RUN)
metrics = Metrics(service=Function.RECORD_RUN)


@dataclass(frozen=True)
class Recorder:
    """Clients and settings of the function.

    Attributes
    ----------
    bucket, application_id
        Name of the data bucket; id of the EMR Serverless application.
    prices
        Prices for the application's Region and processor.
    """

    s3: "S3Client"
    emr: "EMRServerlessClient"
    bucket: str
    application_id: str
    region: str
    prices: Prices


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, bool]:  # noqa: ARG001 -- Lambda passes it
    """Record a run, and tell the state machine whether another attempt would fail, too."""
    return answer_to(RecordRequest.from_event(event), _recorder()).to_document()


def answer_to(request: RecordRequest, recorder: Recorder) -> RecordAnswer:
    """Record a run, and judge whether another attempt would fail, too. Only the job's own report can say so.

    Raises
    ------
    BillNotReadyError, ClientError
        As `record` does.
    """
    failure = read_failure(recorder.s3, recorder.bucket, request.run_id)
    written = record(request, recorder, failure)
    return RecordAnswer(final=not written.succeeded and failure is not None and failure.is_final)


def record(request: RecordRequest, recorder: Recorder, failure: JobFailure | None = None) -> RunRecord:
    """Look up the job run of a run, write its record, add the cost to its report, and tag what it supersedes.

    Parameters
    ----------
    failure
        What the job has reported about its failure; `None` if it has not.

    Raises
    ------
    BillNotReadyError
        If AWS does not report the cost yet, and the state machine may still retry.
    ClientError
        If AWS rejects a request.
    """
    job_run_id = job_run_id_of(request.outcome)
    if job_run_id:
        written = _record_with_job(request, job_run_id, recorder, failure)
    else:
        written = _record_without_job(request, recorder)
    recorder.s3.put_object(
        Bucket=recorder.bucket,
        Key=run_record(written.run_id),
        Body=written.to_json().encode(errors="backslashreplace"),  # AWS may cut a cause within a surrogate pair
        ContentType="application/json",
    )
    if not written.succeeded:
        # After the next successful run, `mark_superseded` tags the other files of this one.
        mark(recorder.s3, recorder.bucket, run_record(written.run_id))
    elif written.mode != Mode.MAINTAIN:
        # Before the tags, because the report loses its tag, if newer results have superseded it already.
        _show_cost(written, recorder)
        mark_superseded(recorder.s3, recorder.bucket)
    metrics.add_metric(Metric.RUN_SECONDS, MetricUnit.Seconds, written.seconds)
    if written.cost_usd is not None:
        metrics.add_metric(Metric.RUN_COST_USD, MetricUnit.NoUnit, written.cost_usd)
    logger.info("Recorded", run_id=written.run_id, state=written.state, cost_usd=written.cost_usd)
    return written


def _show_cost(written: RunRecord, recorder: Recorder) -> None:
    """Show the cost of a run in its report. The record has the cost, too, so a failure is only logged."""
    if written.cost_usd is None:
        return
    try:
        shown = add_cost(recorder.s3, recorder.bucket, written.run_id, written.cost_usd)
    except (BotoCoreError, ClientError) as error:
        logger.warning("The report does not show the cost", run_id=written.run_id, error=str(error))
    else:
        logger.info("The report shows the cost" if shown else "The report has no place for the cost")


def _record_with_job(
    request: RecordRequest, job_run_id: str, recorder: Recorder, failure: JobFailure | None
) -> RunRecord:
    found = recorder.emr.get_job_run(applicationId=_application_of(request, recorder), jobRunId=job_run_id)
    job_run: dict[str, Any] = {**found["jobRun"]}
    billed = usage_of(job_run)
    if billed is None and request.retries < BILL_RETRIES:
        raise BillNotReadyError(job_run_id)
    return RunRecord(
        **_known(request, recorder),
        job_run_id=job_run_id,
        state=job_run["state"],
        reason=None if job_run["state"] == SUCCESS else _reason(request, job_run, failure),
        started_at=job_run["createdAt"].isoformat(),
        finished_at=end_of(job_run).isoformat(),
        seconds=seconds_of(job_run),
        billed=billed,
        cost_usd=recorder.prices.cost(billed) if billed else None,
    )


def _reason(request: RecordRequest, job_run: dict[str, Any], failure: JobFailure | None) -> str:
    """Prefer the words of the job to those of AWS, which knows only an exit code or a part of an exception."""
    return (failure.reason if failure else "") or job_run.get("stateDetails") or _cause(request)


def _record_without_job(request: RecordRequest, recorder: Recorder) -> RunRecord:
    now = datetime.now(UTC).isoformat()
    return RunRecord(
        **_known(request, recorder),
        job_run_id=None,
        state=NOT_STARTED,
        reason=_cause(request),
        started_at=now,
        finished_at=now,
        seconds=0.0,
        billed=None,
        cost_usd=None,
    )


def _application_of(request: RecordRequest, recorder: Recorder) -> str:
    """Return the application of the run. After a deployment that replaces it, that of the function is another one."""
    return request.application or recorder.application_id


def _known(request: RecordRequest, recorder: Recorder) -> dict[str, Any]:
    """Return the fields of a record that do not depend on the job run."""
    emr = f"https://{recorder.region}.console.aws.amazon.com/emr/home?region={recorder.region}"
    links = {
        "execution": execution_page(recorder.region, request.execution),
        "application": f"{emr}#/serverless-applications/{_application_of(request, recorder)}",
    }
    names = ("run_id", "mode", "execution", "round", "attempt", "version")
    return {name: getattr(request, name) for name in names} | {"links": links}


def _cause(request: RecordRequest) -> str:
    outcome = request.outcome
    texts = [outcome.get(name) for name in ("Error", "Cause")] if isinstance(outcome, dict) else []
    return ": ".join(str(text) for text in texts if text) or str(outcome)


@lru_cache(maxsize=1)
def _recorder() -> Recorder:
    """Make the clients once, because Lambda calls the handler many times in one process."""
    variables = RecordRunVariables.from_environment(os.environ)
    return Recorder(
        s3=boto3.client("s3"),
        emr=boto3.client("emr-serverless"),
        bucket=variables.bucket,
        application_id=variables.application_id,
        region=os.environ["AWS_REGION"],
        prices=variables.prices,
    )
