"""Tests of EMR Serverless in the local AWS: a job is a process, and goes through the states that AWS has."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from localaws.account import LocalAwsError
from localaws.job_logs import BATCH_CHARACTERS, BATCH_EVENTS, _batches, group_of, reason
from tests.localaws.obedient_jobs import BUCKET, GROUP, SCRIPT, Cloud, cloud_in, until

SIZES = "--conf spark.driver.cores=1 --conf spark.driver.memory=2g --conf spark.driver.memoryOverhead=2g"

PACE = 600.0
"""An application that is idle for a minute stops after 0.1 s."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Return a local AWS."""
    with cloud_in(tmp_path_factory.mktemp("jobs"), PACE) as cloud:
        yield cloud


class Jobs:
    """The jobs of one application."""

    def __init__(self, cloud: Cloud, **settings: Any) -> None:  # noqa: ANN401 -- of boto3
        self.cloud = cloud
        self.emr = cloud.aws.client("emr-serverless")
        self.role = cloud.job_role()
        self.application = cloud.application(**settings)

    def start(self, script: str = SCRIPT, **request: Any) -> str:  # noqa: ANN401 -- of boto3
        """Start a job, and return its id."""
        driver = {"entryPoint": self.cloud.put_script(script), "sparkSubmitParameters": SIZES}
        defaults = {"executionRoleArn": self.role, "clientToken": uuid4().hex, "jobDriver": {"sparkSubmit": driver}}
        return str(self.emr.start_job_run(applicationId=self.application, **defaults | request)["jobRunId"])

    def run(self, job: str) -> dict[str, Any]:
        """Look at a job."""
        return dict(self.emr.get_job_run(applicationId=self.application, jobRunId=job)["jobRun"])

    def wait(self, job: str, *states: str) -> dict[str, Any]:
        """Wait until it is in one of these states, and look at it."""
        return dict(until(lambda: (run := self.run(job))["state"] in states and run))

    def end(self, job: str) -> dict[str, Any]:
        """Wait for its end."""
        return self.wait(job, "SUCCESS", "FAILED", "CANCELLED")

    def state(self) -> str:
        """Look at the application."""
        return str(self.emr.get_application(applicationId=self.application)["application"]["state"])


@pytest.fixture
def jobs(cloud: Cloud) -> Jobs:
    """Return an application."""
    return Jobs(cloud)


def _lines(cloud: Cloud, application: str, job: str, stream: str) -> list[str]:
    name = f"applications/{application}/jobs/{job}/SPARK_DRIVER/{stream}"
    events = cloud.aws.client("logs").get_log_events(logGroupName=GROUP, logStreamName=name)["events"]
    return [event["message"] for event in events]


def _process(cloud: Cloud, job: str) -> int:
    """Return the id of a job's process, which it has written."""
    found = until((cloud.folder / "jobs" / job / "stdout").read_text)
    return int(found)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_job_runs_and_what_it_says_is_in_the_logs(cloud: Cloud, jobs: Jobs) -> None:
    """It was running while it ran; afterwards there are its times and its bill, of a minute at least."""
    assert jobs.state() == "CREATED"
    job = jobs.start()
    assert jobs.wait(job, "RUNNING")["startedAt"]
    assert "billedResourceUtilization" not in jobs.run(job)
    assert jobs.state() == "STARTED"
    cloud.tell("echo done; echo oops >&2")
    run = jobs.end(job)
    assert run["state"] == "SUCCESS"
    assert run["createdAt"] <= run["startedAt"] <= run["endedAt"] <= run["updatedAt"]
    # A driver of 1 vCPU and 4 GB; an executor as AWS makes it, of 4 vCPUs and 14 GB and a tenth.
    expected = {"vCPUHour": round(5 / 60, 3), "memoryGBHour": round(19.4 / 60, 3), "storageGBHour": 0.0}
    assert run["billedResourceUtilization"] == run["totalResourceUtilization"] == expected
    assert _lines(cloud, jobs.application, job, "stdout") == ["begun", "done"]
    assert _lines(cloud, jobs.application, job, "stderr") == ["oops"]


def test_an_application_keeps_its_settings_and_stops_when_idle(cloud: Cloud) -> None:
    """As AWS does; so that it can be deleted, which it can't while it runs a job."""
    jobs = Jobs(cloud, autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": 1})
    application = jobs.emr.get_application(applicationId=jobs.application)["application"]
    assert application["schedulerConfiguration"] == {"maxConcurrentRuns": 1, "queueTimeoutMinutes": 60}
    assert application["monitoringConfiguration"]["cloudWatchLoggingConfiguration"]["logGroupName"] == GROUP
    job = jobs.start()
    jobs.wait(job, "RUNNING")
    for forbidden in (jobs.emr.stop_application, jobs.emr.delete_application):
        with pytest.raises(ClientError, match="ValidationException"):
            forbidden(applicationId=jobs.application)
    cloud.tell("true")
    jobs.end(job)
    until(lambda: jobs.state() == "STOPPED")
    jobs.emr.delete_application(applicationId=jobs.application)
    assert jobs.state() == "TERMINATED"


def test_a_job_that_fails_says_why(cloud: Cloud, jobs: Jobs) -> None:
    """In the last lines of what it said, without the noise around them."""
    job = jobs.start()
    cloud.tell("echo '26/11/21 05:00:00 INFO Spark: on' >&2; echo 'fruits: no images' >&2; exit 3")
    run = jobs.end(job)
    assert run["state"] == "FAILED"
    assert run["stateDetails"].endswith("ExitCode: 3. Last few exceptions: fruits: no images")


def test_the_same_token_starts_one_job(cloud: Cloud, jobs: Jobs) -> None:
    """However often the request is sent."""
    job = jobs.start(clientToken="same")
    assert jobs.start(clientToken="same") == job
    cloud.tell("true")
    jobs.end(job)
    assert len(jobs.emr.list_job_runs(applicationId=jobs.application)["jobRuns"]) == 1


def test_a_job_waits_for_the_one_before(cloud: Cloud, jobs: Jobs) -> None:
    """One at a time, in the order in which they came; one that is cancelled meanwhile never runs."""
    first, second, third = jobs.start(), jobs.start(), jobs.start()
    jobs.wait(first, "RUNNING")
    for waiting in (second, third):
        jobs.wait(waiting, "QUEUED")
    jobs.emr.cancel_job_run(applicationId=jobs.application, jobRunId=second)
    assert jobs.end(second)["state"] == "CANCELLED"
    assert jobs.run(third)["state"] == "QUEUED"
    cloud.tell("true")
    assert jobs.end(first)["state"] == "SUCCESS"
    cloud.tell("true")
    assert jobs.end(third)["state"] == "SUCCESS"
    assert not (cloud.folder / "jobs" / second).exists()


def test_a_cancelled_job_is_gone_with_all_it_started(cloud: Cloud, jobs: Jobs) -> None:
    """Also what has left its process group, as the Python daemons of Spark do; and it can't be cancelled again."""
    job = jobs.start("python3 -c 'import os, time; os.setpgid(0, 0); print(os.getpid(), flush=True); time.sleep(99)'")
    jobs.wait(job, "RUNNING")
    process = _process(cloud, job)
    jobs.emr.cancel_job_run(applicationId=jobs.application, jobRunId=job)
    assert jobs.end(job)["state"] == "CANCELLED"
    assert not _is_alive(process)
    with pytest.raises(ClientError, match="ValidationException"):
        jobs.emr.cancel_job_run(applicationId=jobs.application, jobRunId=job)


def test_a_job_whose_process_is_killed_has_failed(cloud: Cloud, jobs: Jobs) -> None:
    """As when a worker dies."""
    job = jobs.start("echo $$; exec sleep 99")
    jobs.wait(job, "RUNNING")
    os.killpg(_process(cloud, job), 9)
    assert jobs.end(job)["state"] == "FAILED"


@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        (("logs:*",), "HeadObject"),
        (("s3:GetObject",), "logs:DescribeLogGroups"),
        (("s3:GetObject", "logs:DescribeLogGroups", "logs:DescribeLogStreams"), "logs:CreateLogStream"),
    ],
)
def test_a_job_has_the_permissions_of_its_role_and_no_others(
    jobs: Jobs, cloud: Cloud, actions: tuple[str, ...], reason: str
) -> None:
    """Its files are fetched, and its log is written, in its name."""
    run = jobs.end(jobs.start("true", executionRoleArn=cloud.job_role(*actions)))
    assert run["state"] == "FAILED"
    assert reason in run["stateDetails"]


def test_a_log_that_may_not_be_written_fails_the_job(jobs: Jobs, cloud: Cloud) -> None:
    """Nobody would know else that it says nothing."""
    may = ("s3:GetObject", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:CreateLogStream")
    run = jobs.end(jobs.start("echo here", executionRoleArn=cloud.job_role(*may)))
    assert (run["state"], "logs:PutLogEvents" in run["stateDetails"]) == ("FAILED", True)


def test_files_are_fetched_again_when_they_are_others(jobs: Jobs, cloud: Cloud) -> None:
    """The same key may hold another version."""
    s3 = cloud.aws.client("s3")
    driver = {"sparkSubmit": {"entryPoint": f"s3://{BUCKET}/main.sh"}}
    for exit_code, state in ((0, "SUCCESS"), (1, "FAILED"), (0, "SUCCESS")):
        s3.put_object(Bucket=BUCKET, Key="main.sh", Body=f"exit {exit_code}".encode())
        assert jobs.end(jobs.start(jobDriver=driver))["state"] == state


def test_a_job_knows_its_role_and_nothing_of_whoever_started_all_this(jobs: Jobs, cloud: Cloud) -> None:
    """Its environment is made for it."""
    job = jobs.start("env")
    jobs.end(job)
    names = {line.partition("=")[0] for line in _lines(cloud, jobs.application, job, "stdout")}
    assert {"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "JAVA_HOME", "SPARK_HOME"} <= names
    assert not {name for name in names if re.match("PYTEST|VIRTUAL_ENV|PYTHON", name)}


def test_what_aws_refuses_is_refused(jobs: Jobs, cloud: Cloud) -> None:
    """A role that trusts somebody else, and whatever would be ignored here."""
    with pytest.raises(ClientError, match=r"AccessDenied.*cannot be assumed by emr-serverless"):
        jobs.start(executionRoleArn=cloud.role(service="lambda.amazonaws.com"))
    with pytest.raises(ClientError, match="overrides"):
        jobs.start(configurationOverrides={"applicationConfiguration": [{"classification": "spark-defaults"}]})
    with pytest.raises(ClientError, match="workerType"):
        cloud.application(workerTypeSpecifications={"DRIVER": {}})
    with pytest.raises(ClientError, match="s3MonitoringConfiguration"):
        cloud.application(monitoringConfiguration={"s3MonitoringConfiguration": {"logUri": "s3://logs/"}})


def test_packages_for_another_processor_are_found_out(cloud: Cloud) -> None:
    """Before they fail with a riddle."""
    other = {"x86_64": "ARM64"}.get(os.uname().machine, "X86_64")
    jobs = Jobs(cloud, architecture=other)
    assert other in jobs.end(jobs.start("true"))["stateDetails"]


def test_no_job_outlives_the_local_aws(tmp_path: Path) -> None:
    """Its process is ended with it."""
    with cloud_in(tmp_path) as cloud:
        jobs = Jobs(cloud)
        job = jobs.start("echo $$; sleep 99")
        jobs.wait(job, "RUNNING")
        process = _process(cloud, job)
        assert _is_alive(process)
    assert not _is_alive(process)


def test_lines_go_to_the_log_in_batches_that_it_takes() -> None:
    """None is lost, and an empty one is a blank."""
    lines = [""] + ["x" * 30_000] * 20 + ["y"] * (BATCH_EVENTS + 1)
    batches = list(_batches(lines))
    assert [line for batch in batches for line in batch] == [" ", *lines[1:]]
    assert max(len(batch) for batch in batches) <= BATCH_EVENTS
    assert max(sum(map(len, batch)) for batch in batches) <= BATCH_CHARACTERS


def test_a_reason_leaves_out_what_explains_nothing() -> None:
    """Log lines and the frames of a stack."""
    stderr = '26/11/21 05:00:00 WARN A: b\nTraceback (most recent call last):\n  File "x"\nValueError: no\n\tat a.B.c\n'
    assert reason(1, stderr).endswith("ExitCode: 1. Last few exceptions: ValueError: no")
    assert reason(137, "").endswith("Last few exceptions: none")


@pytest.mark.parametrize(
    "logging", [{"enabled": True, "logStreamNamePrefix": "x"}, {"enabled": True, "encryptionKeyArn": "x"}]
)
def test_a_setting_of_the_log_that_does_nothing_here_is_refused(logging: dict[str, Any]) -> None:
    """None is ignored."""
    with pytest.raises(LocalAwsError, match="not known"):
        group_of({"cloudWatchLoggingConfiguration": logging})
    assert group_of(None) is None
    assert group_of({"cloudWatchLoggingConfiguration": {"enabled": True}}) == "/aws/emr-serverless"
