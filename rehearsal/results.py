"""The last complete results of a rehearsed environment."""

from cdk.packaging.package import ROOT
from cli.cloud.bucket import read
from cli.cloud.environment import Deployment
from cli.cloud.records import last_complete_run, recorded_run
from contract.layout import ResultFile, results_folder
from contract.summary import Summary
from contract.workflow import RunRecord
from rehearsal.errors import RehearsalError

SAVED_REPORT = ROOT / "build" / "rehearsal-report.html"


def last_results(deployment: Deployment) -> tuple[Summary, RunRecord]:
    """Return the summary and the record of the last complete run.

    Raises
    ------
    RehearsalError
        If there is no complete run, or if one of its documents is missing.
    """
    run_id = last_complete_run(deployment)
    run = recorded_run(deployment, run_id) if run_id else None
    if run is None or run.summary is None or run.record is None:
        raise RehearsalError(f"There is no complete run with summary and record in bucket {deployment.bucket}.")
    return run.summary, run.record


def read_result(deployment: Deployment, run_id: str, file: ResultFile) -> bytes:
    """Return the content of a file of the results of a run.

    Raises
    ------
    RehearsalError
        If the file does not exist.
    """
    body = read(deployment, f"{results_folder(run_id)}{file}")
    if body is None:
        raise RehearsalError(f"The results of run {run_id} have no file {file}.")
    return body


def save_report(deployment: Deployment, run_id: str) -> str:
    """Save the report of a run as a local file, and return the URL of the file.

    Raises
    ------
    RehearsalError
        If the run has no report.
    """
    SAVED_REPORT.parent.mkdir(exist_ok=True)
    SAVED_REPORT.write_bytes(read_result(deployment, run_id, ResultFile.REPORT))
    return SAVED_REPORT.as_uri()
