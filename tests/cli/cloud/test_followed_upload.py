"""Tests of `fruits upload --follow`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.cloud.environment import Deployment
from cli.cloud.errors import CloudError
from cli.cloud.executions import StoppedError
from cli.cloud.followed_upload import follow_images
from cli.cloud.situation import Execution
from cli.main import main
from contract.coordination import COORDINATION, GENERATION, KEY, PROCESSED
from contract.environments import Output
from contract.summary import Summary
from contract.workflow import RunRecord

RUN = "20261120T121530Z-3fa94c"

Coordinate = Callable[[int, int], None]


@pytest.fixture
def coordinate(deployment: Deployment) -> Coordinate:
    """Return a function that writes generation and processed generation."""

    def write(generation: int, processed: int) -> None:
        numbers = {GENERATION: {"N": str(generation)}, PROCESSED: {"N": str(processed)}}
        deployment.dynamodb.put_item(
            TableName=deployment.resource(Output.COORDINATION_TABLE), Item={KEY: {"S": COORDINATION}, **numbers}
        )

    return write


def test_it_waits_for_notices_follows_their_executions_and_ends_when_they_are_processed(
    deployment: Deployment, coordinate: Coordinate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command follows each execution once, and an earlier one that holds the lease as well."""
    queue = deployment.resource(Output.QUEUE)
    deployment.sqs.send_message(QueueUrl=queue, MessageBody="an event")
    coordinate(7, 7)
    holders: list[Execution | None] = [None]
    followed: list[str] = []

    def wait(_: float) -> None:
        if messages := deployment.sqs.receive_message(QueueUrl=queue).get("Messages"):
            deployment.sqs.delete_message(QueueUrl=queue, ReceiptHandle=messages[0]["ReceiptHandle"])
            coordinate(8, 7)
            holders[0] = Execution(name="one", arn="one", status="RUNNING")

    def follow(_: Deployment, execution: str, __: object) -> None:
        followed.append(execution)
        holders[0] = Execution(name="two", arn="two", status="RUNNING")
        if execution == "two":
            coordinate(8, 8)

    monkeypatch.setattr("cli.cloud.followed_upload.holder_of", lambda _: holders[0])
    monkeypatch.setattr("cli.cloud.followed_upload.follow", follow)
    follow_images(deployment, 7, wait)
    assert followed == ["one", "two"]


def test_a_run_that_is_stopped_is_followed_by_the_next_one(
    deployment: Deployment,
    coordinate: Coordinate,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A deployment stops an execution, and another one processes the images."""
    coordinate(8, 7)
    holders = [Execution(name=name, arn=name, status="RUNNING") for name in ("stopped", "resumed")]
    followed: list[str] = []

    def follow(_: Deployment, execution: str, __: object) -> None:
        followed.append(execution)
        if execution == "stopped":
            del holders[0]
            raise StoppedError("The run was stopped.")
        coordinate(8, 8)

    monkeypatch.setattr("cli.cloud.followed_upload.holder_of", lambda _: holders[0])
    monkeypatch.setattr("cli.cloud.followed_upload.follow", follow)
    follow_images(deployment, 7, lambda _: None)
    assert followed == ["stopped", "resumed"]
    assert "The run was stopped. The images wait for the next execution." in capsys.readouterr().out


def test_results_that_are_there_already_are_printed(
    deployment: Deployment,
    coordinate: Coordinate,
    publish: Callable[..., None],
    record: RunRecord,
    summary: Summary,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run may have ended before the command looks for it."""
    publish(RUN, record, summary)
    coordinate(8, 8)
    follow_images(deployment, 7, lambda _: None)
    out = capsys.readouterr().out
    assert f"Run {RUN}\n  images    90,378\n  refused   2\n" in out
    assert out.endswith("Download them with `fruits results --env dev`.\n")


def test_images_without_a_notice_are_an_error(deployment: Deployment) -> None:
    """If no notice arrives, the command ends with a sentence that says where to look."""
    with pytest.raises(CloudError, match="No notice of the images has arrived: `fruits status --env dev` shows"):
        follow_images(deployment, 0, lambda _: None)


def test_notices_without_an_execution_are_an_error(deployment: Deployment, coordinate: Coordinate) -> None:
    """The execution may have failed before the command looked for it: the command does not wait for ever."""
    coordinate(8, 7)
    with pytest.raises(CloudError, match=r"no execution is running.*`fruits status --env dev` says why\."):
        follow_images(deployment, 7, lambda _: None)


def test_an_upload_follows_if_asked(
    deployment: Deployment, coordinate: Coordinate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option follows what comes after the generation before the upload; nothing follows if nothing is uploaded."""
    (tmp_path / "Plum").mkdir()
    (tmp_path / "Plum/a.jpg").write_bytes(b"a")
    coordinate(7, 7)
    calls: list[int] = []
    monkeypatch.setattr("cli.cloud.upload.follow_images", lambda _, before, __: calls.append(before))
    assert deployment
    for _ in range(2):
        assert main(["upload", str(tmp_path), "--env", "dev", "--follow"]) == 0
    assert calls == [7]
