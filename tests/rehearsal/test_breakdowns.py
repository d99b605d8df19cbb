"""Tests of failures: the stack recovers from each of them without a user, or an alarm reports it."""

from collections.abc import Callable

from cli.cloud.bucket import keys_below
from cli.cloud.last_words import last_words
from cli.cloud.log_reader import entries_about
from cli.cloud.logged_run import logged_run
from cli.cloud.records import newest_run_ids
from cli.cloud.status import report_on
from contract.coordination import COORDINATION, HOLDER, KEY
from contract.environments import Output
from contract.layout import TABLES
from contract.runs import Mode
from tests.rehearsal.cloud import Cloud

Pictures = Callable[..., dict[str, bytes]]


def test_a_job_that_is_killed_is_run_again(cloud: Cloud, pictures: Pictures) -> None:
    """A second attempt completes what a job has left that was killed between two commits; each has its own log."""
    before = len(cloud.jobs())
    with cloud.faults(
        {"kind": "crash", "action": "glue:UpdateTable", "role": "*-SparkJobRole*", "skip": 1, "times": 1}
    ):
        cloud.upload(pictures("killed", 3))
        cloud.settle()
    assert cloud.troubles() == []
    assert [job["state"] for job in cloud.jobs()[before:]] == ["FAILED", "SUCCESS"]
    assert set(pictures("killed", 3)) <= cloud.images()
    assert cloud.record().attempt == 2
    second, first = newest_run_ids(cloud.deployment, 2)
    log = entries_about(cloud.deployment, logged_run(cloud.deployment, first))
    assert {entry.source for entry in log} >= {"start_run", "workflow", "driver", "record_run"}
    assert [entry.at for entry in log] == sorted(entry.at for entry in log)
    assert any("The job was killed" in entry.text for entry in log)
    assert any("notices" in entry.text for entry in log if entry.source == "driver")
    assert last_words(cloud.deployment, first)
    of_second = entries_about(cloud.deployment, logged_run(cloud.deployment, second))
    assert not any("The job was killed" in entry.text for entry in of_second)


def test_a_job_that_fails_for_good_keeps_its_notices_and_the_next_upload_heals(
    cloud: Cloud, pictures: Pictures
) -> None:
    """When all attempts fail, alarm and status report it, results stay, and the lease is free for the next upload."""
    before, last_run = len(cloud.jobs()), cloud.last_run()
    with cloud.without("SparkJobRole", "s3:GetObject"):
        cloud.upload(pictures("failing", 1))
        cloud.wait_for("tries again")
        cloud.upload(pictures("later", 1))
        cloud.settle()
        failed = [execution for execution in cloud.watch.executions() if execution["status"] == "FAILED"]
    assert {job["state"] for job in cloud.jobs()[before:]} == {"FAILED"}
    assert failed
    assert cloud.troubles()
    report = report_on(cloud.deployment)
    failure, *others = report.attention
    assert failure.what.startswith("The last run, ")
    assert "Nothing is lost: " in failure.what
    assert [command.partition(" --")[0] for command in failure.commands] == ["fruits logs", "fruits start"]
    assert any(other.what.startswith("Alarm ExecutionFailed, since ") for other in others)
    assert "console" not in dict(report.facts)
    assert cloud.alarms() == {"ExecutionFailed"}
    assert cloud.notices() >= 1
    assert cloud.last_run() == last_run
    item = cloud.deployment.dynamodb.get_item(
        TableName=cloud.deployment.resource(Output.COORDINATION_TABLE), Key={KEY: {"S": COORDINATION}}
    )["Item"]
    assert HOLDER not in item
    cloud.upload(pictures("healing", 1))
    cloud.settle()
    assert {"failing/0000.png", "later/0000.png", "healing/0000.png"} <= cloud.images()
    assert cloud.notices() == 0


def test_an_execution_that_is_stopped_takes_its_job_along_and_the_next_takes_over(
    cloud: Cloud, pictures: Pictures
) -> None:
    """The job of a stopped execution is cancelled; the next execution takes the lease over and processes its images."""
    before = len(cloud.jobs())
    cloud.upload(pictures("stopped", 2))
    cloud.wait_for("RUNNING")
    [running] = [execution for execution in cloud.watch.executions() if execution["status"] == "RUNNING"]
    cloud.deployment.stepfunctions.stop_execution(executionArn=running["executionArn"])
    cloud.upload(pictures("after", 1))
    steps = cloud.settle()
    assert cloud.execution(running["name"])["status"] == "ABORTED"
    assert [job["state"] for job in cloud.jobs()[before:]] == ["CANCELLED", "SUCCESS"]
    assert "takes the lease over from a holder that has ended" in [step.what for step in steps]
    assert {*pictures("stopped", 2), *pictures("after", 1)} <= cloud.images()
    assert cloud.troubles()
    assert "ExecutionAborted" in cloud.alarms()


def test_start_run_may_crash_between_any_of_its_steps(cloud: Cloud, pictures: Pictures) -> None:
    """After a crash before any of its four steps, `start_run` is called again, and one job processes the images."""
    before = len(cloud.jobs())
    crash = {"kind": "crash", "role": "*-IntakeStartRun*", "times": 1}
    steps = ("s3:PutObject", "dynamodb:UpdateItem", "dynamodb:PutItem", "states:StartExecution")
    with cloud.faults(*({**crash, "action": action} for action in steps)):
        cloud.upload(pictures("crash", 1))
        cloud.settle()
    assert set(pictures("crash", 1)) <= cloud.images()
    assert [job["state"] for job in cloud.jobs()[before:]] == ["SUCCESS"]
    assert "ErrorsStartRun" in cloud.alarms()
    assert cloud.notices() == 0


def test_storage_that_refuses_one_request_in_ten_holds_nothing_up(cloud: Cloud, pictures: Pictures) -> None:
    """Functions and job repeat a request that S3 answers with 503, and no image is refused."""
    before = len(cloud.jobs())
    with cloud.faults({"kind": "unavailable", "action": "s3:*", "every": 10}):
        cloud.upload(pictures("unavailable", 10))
        cloud.settle()
    assert cloud.troubles() == []
    assert set(pictures("unavailable", 10)) <= cloud.images()
    assert cloud.summary().counts.rejected == 0
    assert [job["state"] for job in cloud.jobs()[before:]] == ["SUCCESS"]


def test_an_alarm_reports_every_missing_permission(cloud: Cloud, pictures: Pictures) -> None:
    """Without any one permission, an actor with an alarm fails; with it again, all images are processed."""
    steps = {
        ("IntakeStartRun", "s3:PutObject"): "start_run",
        ("IntakeStartRun", "dynamodb:UpdateItem"): "start_run",
        ("IntakeStartRun", "states:StartExecution"): "start_run",
        ("WorkflowRole", "dynamodb:UpdateItem"): "workflow",
        ("WorkflowRole", "emr-serverless:StartJobRun"): "workflow",
        ("WorkflowRole", "iam:PassRole"): "workflow",
        ("RecordingRecordRun", "emr-serverless:GetJobRun"): "record_run",
    }
    folders = {f"{role}-{action.replace(':', '-')}" for role, action in steps}
    for (role, action), actor in steps.items():
        before = cloud.failures(actor)
        with cloud.without(role, action):
            cloud.upload(pictures(f"{role}-{action.replace(':', '-')}", 1))
            cloud.wait_for_failure(actor, before)
            if actor != "start_run":
                cloud.settle()
    assert cloud.troubles()
    assert cloud.alarms() >= {"ErrorsStartRun", "ExecutionFailed"}
    assert {key.partition("/")[0] for key in cloud.images()} >= folders


def test_a_damaged_table_is_made_anew_by_the_next_reconcile(cloud: Cloud, pictures: Pictures) -> None:
    """A deleted file of Iceberg's metadata fails no reconcile: it makes the table anew, in the catalog as well."""
    cloud.upload(pictures("before", 2))
    cloud.settle()
    expected, basis = cloud.images(), cloud.summary().pca_version
    metadata = [key for key in keys_below(cloud.deployment, TABLES) if "/components/metadata/" in key]
    for key in metadata:
        cloud.deployment.s3.delete_object(Bucket=cloud.deployment.bucket, Key=key)
    cloud.start("repair", Mode.RECONCILE)
    cloud.settle()
    assert cloud.images() == expected
    assert cloud.summary().pca_version == basis
    assert any("The table components is damaged" in note for note in cloud.summary().notes)
