"""EMR Serverless: a job is a process, and passes through the states that AWS documents."""

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.job_logs import LINE_CHARACTERS, driver_streams, failure_reason, group_of, lines_of
from tests.localaws.cloud import BUCKET, GROUP, SCRIPT, Cloud, cloud_in, policy, until

SIZES = "--conf spark.driver.cores=1 --conf spark.driver.memory=2g --conf spark.driver.memoryOverhead=2g"

PACE = 600.0
"""An application that stops after an idle minute in AWS stops after 0.1 s here."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Return a local AWS."""
    with cloud_in(tmp_path_factory.mktemp("jobs"), PACE) as cloud:
        yield cloud


class Jobs:
    """An application and its job runs."""

    def __init__(self, cloud: Cloud, **settings: Any) -> None:  # noqa: ANN401 -- of boto3
        self.cloud = cloud
        self.emr = cloud.aws.client("emr-serverless")
        self.role = cloud.job_role()
        self.application = cloud.application(**settings)

    def start(self, script: str = SCRIPT, **request: Any) -> str:  # noqa: ANN401 -- of boto3
        """Start a job run, and return its id."""
        driver = {"entryPoint": self.cloud.put_script(script), "sparkSubmitParameters": SIZES}
        defaults = {"executionRoleArn": self.role, "clientToken": uuid4().hex, "jobDriver": {"sparkSubmit": driver}}
        return str(self.emr.start_job_run(applicationId=self.application, **defaults | request)["jobRunId"])

    def run(self, job: str) -> dict[str, Any]:
        """Return the description of a job run."""
        return dict(self.emr.get_job_run(applicationId=self.application, jobRunId=job)["jobRun"])

    def wait(self, job: str, *states: str) -> dict[str, Any]:
        """Wait until a job run is in one of these states, and return its description."""
        return dict(until(lambda: (run := self.run(job))["state"] in states and run))

    def end(self, job: str) -> dict[str, Any]:
        """Wait for the end of a job run, and return its description."""
        return self.wait(job, "SUCCESS", "FAILED", "CANCELLED")

    def state(self) -> str:
        """Return the state of the application."""
        return str(self.emr.get_application(applicationId=self.application)["application"]["state"])


@pytest.fixture
def jobs(cloud: Cloud) -> Jobs:
    """Return an application without job runs."""
    return Jobs(cloud)


def _lines(cloud: Cloud, application: str, job: str, stream: str) -> list[str]:
    name = f"applications/{application}/jobs/{job}/SPARK_DRIVER/{stream}"
    events = cloud.aws.client("logs").get_log_events(logGroupName=GROUP, logStreamName=name)["events"]
    return [event["message"] for event in events]


def _process(cloud: Cloud, job: str) -> int:
    """Return the id of a job's process, which is the first line of its output."""
    found = until((cloud.folder / "jobs" / job / "stdout").read_text)
    return int(found)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_job_runs_and_its_output_is_in_the_logs(cloud: Cloud, jobs: Jobs) -> None:
    """It is RUNNING while it runs; afterwards it has its times and a bill of at least one minute."""
    assert jobs.state() == "CREATED"
    job = jobs.start()
    assert jobs.wait(job, "RUNNING")["startedAt"]
    assert "billedResourceUtilization" not in jobs.run(job)
    assert jobs.state() == "STARTED"
    cloud.tell("echo done; echo oops >&2")
    run = jobs.end(job)
    assert run["state"] == "SUCCESS"
    assert run["createdAt"] <= run["startedAt"] <= run["endedAt"] <= run["updatedAt"]
    # A driver of 1 vCPU and 4 GB, and an executor of AWS's default size: 4 vCPUs, 14 GB and 10 % overhead.
    expected = {"vCPUHour": round(5 / 60, 3), "memoryGBHour": round(19.4 / 60, 3), "storageGBHour": 0.0}
    assert run["billedResourceUtilization"] == run["totalResourceUtilization"] == expected
    assert _lines(cloud, jobs.application, job, "stdout") == ["begun", "done"]
    assert _lines(cloud, jobs.application, job, "stderr") == ["oops"]


def test_a_job_that_runs_for_long_raises_an_alarm_while_it_runs(cloud: Cloud, jobs: Jobs) -> None:
    """EMR Serverless reports the running jobs every minute, under the id and the name of the application.

    The values of the last hour are put by the test; the job adds the present one, and at its end the value 0.
    """
    cloudwatch, emr = cloud.aws.client("cloudwatch"), jobs.emr
    name = emr.get_application(applicationId=jobs.application)["application"]["name"]
    dimensions = [
        {"Name": "ApplicationId", "Value": jobs.application},
        {"Name": "ApplicationName", "Value": name},
    ]
    for alarm, looked_at in (("long", dimensions), ("without-the-name", dimensions[:1])):
        cloudwatch.put_metric_alarm(
            AlarmName=alarm,
            Namespace="AWS/EMRServerless",
            MetricName="RunningJobs",
            Dimensions=looked_at,
            Statistic="Minimum",
            Period=300,
            EvaluationPeriods=12,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )
    past = [datetime.now(UTC) - timedelta(minutes=minute) for minute in range(1, 61)]
    data = [{"MetricName": "RunningJobs", "Dimensions": dimensions, "Timestamp": at, "Value": 1} for at in past]
    cloudwatch.put_metric_data(Namespace="AWS/EMRServerless", MetricData=data)
    raised = lambda: [one["AlarmName"] for one in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]]  # noqa: E731 -- asked twice
    assert raised() == []
    job = jobs.start()
    assert until(raised) == ["long"]
    assert jobs.run(job)["state"] == "RUNNING"
    cloud.tell("exit 0")
    jobs.end(job)
    until(lambda: not raised())


@pytest.mark.parametrize(
    ("conditions", "starts"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/*"}}, True),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/other"}}, False),
        ({"StringEquals": {"aws:SourceAccount": "999999999999"}}, False),
    ],
)
def test_the_conditions_of_a_trust_policy_count(
    cloud: Cloud, jobs: Jobs, conditions: dict[str, Any], *, starts: bool
) -> None:
    """EMR Serverless assumes the role of a job for its application only."""
    iam, name = cloud.aws.client("iam"), jobs.role.rpartition("/")[2]
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "emr-serverless.amazonaws.com"},
        "Condition": conditions,
    }
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=policy(trust))
    if starts:
        assert jobs.end(jobs.start("exit 0"))["state"] == "SUCCESS"
    else:
        with pytest.raises(ClientError, match=r"cannot be assumed by .* for arn:.*: its conditions are not met"):
            jobs.start("exit 0")


def test_an_application_keeps_its_settings_and_stops_when_idle(cloud: Cloud) -> None:
    """It can't be stopped, updated or deleted while it runs a job, and accepts no job when it is deleted."""
    jobs = Jobs(cloud, autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": 1})
    application = jobs.emr.get_application(applicationId=jobs.application)["application"]
    assert application["schedulerConfiguration"] == {"maxConcurrentRuns": 1, "queueTimeoutMinutes": 60}
    assert application["monitoringConfiguration"]["cloudWatchLoggingConfiguration"]["logGroupName"] == GROUP
    job = jobs.start()
    jobs.wait(job, "RUNNING")
    for forbidden in (jobs.emr.stop_application, jobs.emr.update_application, jobs.emr.delete_application):
        with pytest.raises(ClientError, match="ValidationException"):
            forbidden(applicationId=jobs.application)
    cloud.tell("true")
    jobs.end(job)
    until(lambda: jobs.state() == "STOPPED")
    assert jobs.application not in {app["id"] for app in jobs.emr.list_applications(states=["STARTED"])["applications"]}
    jobs.emr.update_application(applicationId=jobs.application, schedulerConfiguration={"maxConcurrentRuns": 2})
    updated = jobs.emr.get_application(applicationId=jobs.application)["application"]
    assert updated["schedulerConfiguration"] == {"maxConcurrentRuns": 2}
    assert updated["monitoringConfiguration"] == application["monitoringConfiguration"]
    jobs.emr.delete_application(applicationId=jobs.application)
    assert jobs.state() == "TERMINATED"
    with pytest.raises(ClientError, match="TERMINATED"):
        jobs.start()


def test_the_idle_time_of_an_application_begins_when_it_is_started(cloud: Cloud) -> None:
    """An application that was created long ago does not stop at once."""
    jobs = Jobs(cloud, autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": 10})
    created = time.monotonic()
    until(lambda: time.monotonic() - created > 10 * 60 / PACE)
    jobs.emr.start_application(applicationId=jobs.application)
    assert jobs.state() == "STARTED"
    until(lambda: jobs.state() == "STOPPED")


def test_a_failed_job_has_a_reason(cloud: Cloud, jobs: Jobs) -> None:
    """The reason has the last lines of standard error, without log lines."""
    job = jobs.start()
    cloud.tell("echo '26/11/21 05:00:00 INFO Spark: on' >&2; echo 'app: no images' >&2; exit 3")
    run = jobs.end(job)
    assert run["state"] == "FAILED"
    assert run["stateDetails"].endswith("ExitCode: 3. Last few exceptions: app: no images")


def test_the_same_token_starts_one_job(cloud: Cloud, jobs: Jobs) -> None:
    """A repeated request returns the same job run."""
    job = jobs.start(clientToken="same")
    assert jobs.start(clientToken="same") == job
    cloud.tell("true")
    jobs.end(job)
    assert len(jobs.emr.list_job_runs(applicationId=jobs.application)["jobRuns"]) == 1


def test_a_job_waits_for_the_one_before(cloud: Cloud, jobs: Jobs) -> None:
    """Jobs run one at a time, in the order of their start; a job that is cancelled in the queue never runs."""
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


def test_a_cancelled_job_ends_with_all_its_processes(cloud: Cloud, jobs: Jobs) -> None:
    """A process that has left the group ends, too, as Spark's Python daemons must; a second cancellation fails."""
    job = jobs.start("python3 -c 'import os, time; os.setpgid(0, 0); print(os.getpid(), flush=True); time.sleep(99)'")
    jobs.wait(job, "RUNNING")
    process = _process(cloud, job)
    jobs.emr.cancel_job_run(applicationId=jobs.application, jobRunId=job)
    assert jobs.end(job)["state"] == "CANCELLED"
    assert not _is_alive(process)
    with pytest.raises(ClientError, match="ValidationException"):
        jobs.emr.cancel_job_run(applicationId=jobs.application, jobRunId=job)


def test_a_job_whose_process_is_killed_has_failed(cloud: Cloud, jobs: Jobs) -> None:
    """The same happens in AWS when the driver dies."""
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
    """The job's files are staged, and its log streams are created, under its role."""
    run = jobs.end(jobs.start("true", executionRoleArn=cloud.job_role(*actions)))
    assert run["state"] == "FAILED"
    assert reason in run["stateDetails"]


def test_a_log_that_may_not_be_written_fails_the_job(jobs: Jobs, cloud: Cloud) -> None:
    """A lost log is visible in the state of the job."""
    may = ("s3:GetObject", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:CreateLogStream")
    run = jobs.end(jobs.start("echo here", executionRoleArn=cloud.job_role(*may)))
    assert (run["state"], "logs:PutLogEvents" in run["stateDetails"]) == ("FAILED", True)


def test_a_changed_file_is_staged_again(jobs: Jobs, cloud: Cloud) -> None:
    """The cache distinguishes the versions of a key."""
    s3 = cloud.aws.client("s3")
    driver = {"sparkSubmit": {"entryPoint": f"s3://{BUCKET}/main.sh"}}
    for exit_code, state in ((0, "SUCCESS"), (1, "FAILED"), (0, "SUCCESS")):
        s3.put_object(Bucket=BUCKET, Key="main.sh", Body=f"exit {exit_code}".encode())
        assert jobs.end(jobs.start(jobDriver=driver))["state"] == state


def test_a_job_has_an_environment_of_its_own(jobs: Jobs, cloud: Cloud) -> None:
    """It has the keys of its role, and no variables of the process that runs the local AWS."""
    job = jobs.start("env")
    jobs.end(job)
    names = {line.partition("=")[0] for line in _lines(cloud, jobs.application, job, "stdout")}
    assert {"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "JAVA_HOME", "SPARK_HOME"} <= names
    assert not {name for name in names if re.match("PYTEST|VIRTUAL_ENV|PYTHON", name)}


def test_wrong_requests_are_refused(jobs: Jobs, cloud: Cloud) -> None:
    """The role must trust EMR Serverless, and each setting must have an effect here."""
    with pytest.raises(ClientError, match=r"AccessDenied.*cannot be assumed by emr-serverless"):
        jobs.start(executionRoleArn=cloud.role(service="lambda.amazonaws.com"))
    with pytest.raises(ClientError, match="overrides"):
        jobs.start(configurationOverrides={"applicationConfiguration": [{"classification": "spark-defaults"}]})
    with pytest.raises(ClientError, match="workerType"):
        cloud.application(workerTypeSpecifications={"DRIVER": {}})
    with pytest.raises(ClientError, match="s3MonitoringConfiguration"):
        cloud.application(monitoringConfiguration={"s3MonitoringConfiguration": {"logUri": "s3://logs/"}})


def test_an_application_for_another_processor_runs_no_jobs(cloud: Cloud) -> None:
    """The reason of the failure names the architecture."""
    other = {"x86_64": "ARM64"}.get(os.uname().machine, "X86_64")
    jobs = Jobs(cloud, architecture=other)
    assert other in jobs.end(jobs.start("true"))["stateDetails"]


def test_no_job_outlives_the_local_aws(tmp_path: Path) -> None:
    """The process of a job ends with it."""
    with cloud_in(tmp_path) as cloud:
        jobs = Jobs(cloud)
        job = jobs.start("echo $$; sleep 99")
        jobs.wait(job, "RUNNING")
        process = _process(cloud, job)
        assert _is_alive(process)
    assert not _is_alive(process)


def test_every_line_of_the_output_becomes_an_event() -> None:
    """No line is lost, an empty line becomes a blank, and a long one is cut."""
    assert [line.text for line in lines_of("\none\n\ntwo")] == [" ", "one", " ", "two"]
    assert [len(line.text) for line in lines_of("x" * (LINE_CHARACTERS + 1))] == [LINE_CHARACTERS]


def test_a_reason_leaves_out_log_lines_and_frames_of_stacks() -> None:
    """Without other lines, there is no exception to name."""
    stderr = '26/11/21 05:00:00 WARN A: b\nTraceback (most recent call last):\n  File "x"\nValueError: no\n\tat a.B.c\n'
    assert failure_reason(1, stderr).endswith("ExitCode: 1. Last few exceptions: ValueError: no")
    assert failure_reason(137, "").endswith("Last few exceptions: none")


def test_the_types_of_logs_say_which_streams_of_the_driver_are_written() -> None:
    """By default, both are. Executors have no streams here, as the driver does their work."""
    streams = lambda **types: driver_streams({"cloudWatchLoggingConfiguration": {"enabled": True, **types}})  # noqa: E731 -- called twice
    assert streams() == ["stdout", "stderr"]
    assert streams(logTypes={"SPARK_DRIVER": ["STDERR"], "SPARK_EXECUTOR": ["STDOUT", "STDERR"]}) == ["stderr"]


@pytest.mark.parametrize(
    "logging",
    [
        {"enabled": True, "logStreamNamePrefix": "x"},
        {"enabled": True, "encryptionKeyArn": "x"},
        {"enabled": True, "logTypes": {"EXECUTOR": ["STDOUT"]}},
        {"enabled": True, "logTypes": {"SPARK_EXECUTOR": ["stdout"]}},
    ],
)
def test_a_setting_of_the_log_without_effect_is_refused(logging: dict[str, Any]) -> None:
    """Without a group, the log goes to the default group of EMR Serverless."""
    with pytest.raises(LocalAwsError, match="does not know"):
        group_of({"cloudWatchLoggingConfiguration": logging})
    assert group_of(None) is None
    assert group_of({"cloudWatchLoggingConfiguration": {"enabled": True}}) == "/aws/emr-serverless"
