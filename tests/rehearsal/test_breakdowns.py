"""What goes wrong in the cloud, and how the stack gets over it by itself."""

from collections.abc import Callable

from contract.coordination import COORDINATION, HOLDER, KEY
from contract.environments import Output
from tests.rehearsal.cloud import Cloud

Pictures = Callable[..., dict[str, bytes]]


def test_a_job_that_is_killed_is_run_again(cloud: Cloud, pictures: Pictures) -> None:
    """In the middle of its commits: the second try finds what the first has left, and completes it."""
    before = len(cloud.jobs())
    with cloud.faults(
        {"kind": "crash", "action": "glue:UpdateTable", "role": "*-SparkJobRole*", "skip": 1, "times": 1}
    ):
        cloud.upload(pictures("killed", 3))
        cloud.settle()
    assert cloud.troubles() == []
    assert [job["state"] for job in cloud.jobs()[before:]] == ["FAILED", "SUCCESS"]
    assert set(pictures("killed", 3)) <= cloud.images()
    assert cloud.results.record().attempt == 2


def test_a_job_that_fails_for_good_keeps_its_notices_and_the_next_upload_heals(
    cloud: Cloud, pictures: Pictures
) -> None:
    """All tries fail: an alarm, the last results as they were, nobody's turn. Once the cause is gone, all is done."""
    before, results = len(cloud.jobs()), cloud.results.folder
    with cloud.without("SparkJobRole", "s3:GetObject"):
        cloud.upload(pictures("failing", 1))
        cloud.wait_for("tries again")
        cloud.upload(pictures("meanwhile", 1))
        cloud.settle()
        failed = [one for one in cloud.watch.executions() if one["status"] == "FAILED"]
    assert {job["state"] for job in cloud.jobs()[before:]} == {"FAILED"}
    assert failed
    assert cloud.troubles()
    assert cloud.alarms() == {"ExecutionFailed"}
    assert cloud.notices() >= 1
    assert cloud.results.folder == results
    item = cloud.host.client("dynamodb").get_item(
        TableName=cloud.outputs[Output.COORDINATION_TABLE], Key={KEY: {"S": COORDINATION}}
    )["Item"]
    assert HOLDER not in item
    cloud.upload(pictures("healing", 1))
    cloud.settle()
    assert {"failing/0000.png", "meanwhile/0000.png", "healing/0000.png"} <= cloud.images()
    assert cloud.notices() == 0


def test_an_execution_that_is_stopped_takes_its_job_along_and_the_next_takes_over(
    cloud: Cloud, pictures: Pictures
) -> None:
    """Its job is cancelled; nobody holds the lease for ever; its images come with the next upload."""
    before = len(cloud.jobs())
    cloud.upload(pictures("stopped", 2))
    cloud.wait_for("RUNNING")
    [running] = [one for one in cloud.watch.executions() if one["status"] == "RUNNING"]
    cloud.stepfunctions.stop_execution(executionArn=running["executionArn"])
    cloud.upload(pictures("after", 1))
    hops = cloud.settle()
    assert cloud.execution(running["name"])["status"] == "ABORTED"
    assert [job["state"] for job in cloud.jobs()[before:]] == ["CANCELLED", "SUCCESS"]
    assert "takes the place of one that is over" in [hop.what for hop in hops]
    assert {*pictures("stopped", 2), *pictures("after", 1)} <= cloud.images()
    assert cloud.troubles()
    assert "ExecutionAborted" in cloud.alarms()


def test_start_run_may_crash_between_any_of_its_steps(cloud: Cloud, pictures: Pictures) -> None:
    """Before it has counted, before it has marked, before it has started: it is called again; one job does the work."""
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
    """S3 answers 503 to functions and job: each asks again, no image is refused for it."""
    before = len(cloud.jobs())
    with cloud.faults({"kind": "unavailable", "action": "s3:*", "every": 10}):
        cloud.upload(pictures("unavailable", 10))
        cloud.settle()
    assert cloud.troubles() == []
    assert set(pictures("unavailable", 10)) <= cloud.images()
    assert cloud.results.summary().counts.rejected == 0
    assert [job["state"] for job in cloud.jobs()[before:]] == ["SUCCESS"]


def test_without_any_one_permission_somebody_is_told(cloud: Cloud, pictures: Pictures) -> None:
    """Whichever is taken away, somebody fails whom an alarm watches; once it is given back, everything is made up."""
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
    for (role, action), who in steps.items():
        before = cloud.failures(who)
        with cloud.without(role, action):
            cloud.upload(pictures(f"{role}-{action.replace(':', '-')}", 1))
            cloud.wait_for_failure(who, before)
            if who != "start_run":
                cloud.settle()
    assert cloud.troubles()
    assert cloud.alarms() >= {"ErrorsStartRun", "ExecutionFailed"}
    assert {key.partition("/")[0] for key in cloud.images()} >= folders
