"""Tests of uploads: images that arrive in the bucket, in any number and order, become results without a user."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow.parquet as pq
import pytest

from cli.main import main
from cli.sample import BROKEN
from contract.alarms import Alarm
from contract.environments import Output
from contract.layout import ResultFile
from contract.runs import Mode
from rehearsal.results import save_report
from tests.rehearsal.cloud import Cloud

Pictures = Callable[..., dict[str, bytes]]


def test_an_upload_becomes_results_once_if_its_events_arrive_twice(cloud: Cloud, pictures: Pictures) -> None:
    """S3 and SQS deliver at least once; one job computes every image once and refuses every broken file."""
    before, whole = len(cloud.jobs()), pictures("first", 12)
    cloud.host.ask("events", {"times": 2})
    cloud.upload(whole | {f"Broken/{name}": make() for name, make in BROKEN.items()})
    steps = cloud.settle()
    cloud.host.ask("events", {"times": 1})
    assert cloud.troubles() == []
    assert set(whole) <= cloud.images()
    refused = cloud.read(ResultFile.REJECTS).decode()
    assert all(f"Broken/{name}" in refused for name in BROKEN)
    assert [job["state"] for job in cloud.jobs()[before:]] == ["SUCCESS"]
    assert cloud.summary().counts.featurised == len(whole)
    record = cloud.record()
    assert (record.state, record.mode) == ("SUCCESS", "update")
    assert record.cost_usd
    assert cloud.notices() == 0
    assert {step.actor for step in steps} >= {"start_run", "workflow", "Spark job"}
    report = Path(urlsplit(save_report(cloud.deployment, record.run_id)).path)
    assert report.read_bytes() == cloud.read(ResultFile.REPORT)


def test_replaced_and_removed_images_change_the_matrix(
    cloud: Cloud, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row of a removed image disappears, that of a replaced one is computed again, also in downloaded features."""
    cloud.upload(pictures("change", 4))
    cloud.settle()
    before = cloud.matrix()
    cloud.remove("change/0000.png")
    cloud.upload({"change/0001.png": pictures("other", 1, seed=9)["other/0000.png"]})
    cloud.settle()
    assert cloud.troubles() == []
    counts = cloud.summary().counts
    assert (counts.removed, counts.replaced, counts.featurised) == (1, 1, 1)
    after = cloud.matrix()
    assert set(before.keys) - set(after.keys) == {"change/0000.png"}
    rows = [matrix.coordinates[matrix.keys.index("change/0001.png")] for matrix in (before, after)]
    assert rows[0].shape != rows[1].shape or not np.allclose(*rows)

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    place = ["--env", cloud.deployment.environment, "--endpoint-url", str(cloud.deployment.endpoint_url)]
    assert main(["results", str(tmp_path), *place, "--features", "--basis"]) == 0
    folder = tmp_path / cloud.summary().run_id
    table, basis = pq.read_table(folder / "features.parquet"), np.load(folder / "basis.npz")
    assert table["key"].to_pylist() == list(after.keys)
    centred = (np.stack(table["features"].to_numpy()) - basis["mean"]) / basis["scale"]
    np.testing.assert_allclose(centred @ basis["components"].T, after.coordinates, atol=1e-4)


def test_a_reprocess_waits_for_the_update_in_progress(cloud: Cloud, pictures: Pictures) -> None:
    """A reprocess that a user starts during an update gets the lease after it, and two jobs never run at once."""
    before = len(cloud.jobs())
    cloud.upload(pictures("during", 2))
    cloud.wait_for("RUNNING")
    cloud.start("by-hand", Mode.REPROCESS)
    cloud.settle()
    assert cloud.troubles() == []
    update, reprocess = cloud.jobs()[before:]
    assert update["updatedAt"] <= reprocess["createdAt"]
    record = cloud.record()
    assert (record.mode, record.execution.rpartition(":")[2]) == ("reprocess", "by-hand")
    assert set(pictures("during", 2)) <= cloud.images()


def test_a_message_that_is_no_event_is_set_aside(cloud: Cloud) -> None:
    """After five deliveries, such a message is in the dead-letter queue, and an e-mail tells the operator."""
    sqs, dead_letters = cloud.deployment.sqs, cloud.deployment.resource(Output.DEAD_LETTERS)
    queue, address = cloud.deployment.resource(Output.QUEUE), "operator@example.org"
    subscription = cloud.subscribe(address)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"Records": "poison"}))
    cloud.wait_for_mail(address, Alarm.DEAD_LETTERS)
    assert cloud.alarms() == {Alarm.DEAD_LETTERS}
    assert len(cloud.troubles()) == 1
    dead = sqs.receive_message(QueueUrl=dead_letters, MaxNumberOfMessages=10)["Messages"]
    sqs.purge_queue(QueueUrl=dead_letters)
    assert [json.loads(message["Body"]) for message in dead] == [{"Records": "poison"}]
    cloud.host.client("sns").unsubscribe(SubscriptionArn=subscription)


def test_a_burst_during_a_run_takes_few_jobs(cloud: Cloud, pictures: Pictures) -> None:
    """At most three jobs, that of the run included, process 500 images that arrive during a run."""
    before, burst = len(cloud.jobs()), pictures("burst", 500)
    cloud.upload(pictures("first-of-all", 1))
    cloud.wait_for("RUNNING")
    cloud.upload(burst)
    cloud.settle()
    assert cloud.troubles() == []
    assert len(cloud.jobs()) - before <= 3
    assert set(burst) <= cloud.images()
    assert cloud.notices() == 0
