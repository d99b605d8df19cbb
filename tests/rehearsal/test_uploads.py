"""What becomes of uploads, by themselves: one, many, replaced, removed, told twice."""

import json
from collections.abc import Callable

import numpy as np

from cli.sample import BROKEN
from contract.environments import Output
from rehearsal.comparison import Matrix
from tests.rehearsal.cloud import Cloud

Pictures = Callable[..., dict[str, bytes]]


def test_an_upload_becomes_results_once_however_often_it_is_told(cloud: Cloud, pictures: Pictures) -> None:
    """S3 and SQS deliver at least once. Every image is in the matrix, every broken file refused, by one job."""
    before, whole = len(cloud.jobs()), pictures("first", 12)
    cloud.host.ask("events", {"times": 2})
    cloud.upload(whole | {f"Broken/{name}": make() for name, make in BROKEN.items()})
    hops = cloud.settle()
    cloud.host.ask("events", {"times": 1})
    assert cloud.troubles() == []
    assert set(whole) <= cloud.images()
    refused = cloud.results.read("rejects.csv").decode()
    assert all(f"Broken/{name}" in refused for name in BROKEN)
    assert [job["state"] for job in cloud.jobs()[before:]] == ["SUCCESS"]
    assert cloud.results.summary().counts.featurised == len(whole)
    record = cloud.results.record()
    assert (record.state, record.mode) == ("SUCCESS", "update")
    assert record.cost_usd
    assert cloud.notices() == 0
    assert {hop.actor for hop in hops} >= {"start_run", "workflow", "Spark job"}


def test_replaced_and_removed_images_change_the_matrix(cloud: Cloud, pictures: Pictures) -> None:
    """Rows of removed images go, and their part of the sums; those of replaced ones are computed anew."""
    cloud.upload(pictures("change", 4))
    cloud.settle()
    before = Matrix.from_csv(cloud.results.read("pca.csv").decode())
    cloud.remove("change/0000.png")
    cloud.upload({"change/0001.png": pictures("other", 1, seed=9)["other/0000.png"]})
    cloud.settle()
    assert cloud.troubles() == []
    counts = cloud.results.summary().counts
    assert (counts.removed, counts.replaced, counts.featurised) == (1, 1, 1)
    after = Matrix.from_csv(cloud.results.read("pca.csv").decode())
    assert set(before.keys) - set(after.keys) == {"change/0000.png"}
    rows = [matrix.coordinates[matrix.keys.index("change/0001.png")] for matrix in (before, after)]
    assert rows[0].shape != rows[1].shape or not np.allclose(*rows)


def test_a_reprocess_by_hand_waits_for_the_update_that_goes_on(cloud: Cloud, pictures: Pictures) -> None:
    """It gets its turn when the update is done, and computes everything anew; the two never run at once."""
    before = len(cloud.jobs())
    cloud.upload(pictures("during", 2))
    cloud.wait_for("RUNNING")
    cloud.start("by-hand", "reprocess")
    cloud.settle()
    assert cloud.troubles() == []
    update, reprocess = cloud.jobs()[before:]
    assert update["updatedAt"] <= reprocess["createdAt"]
    record = cloud.results.record()
    assert (record.mode, record.execution.rpartition(":")[2]) == ("reprocess", "by-hand")
    assert set(pictures("during", 2)) <= cloud.images()


def test_a_message_that_is_no_event_is_set_aside(cloud: Cloud) -> None:
    """After five tries it is in the dead-letter queue, whoever finds it, and the alarm is raised."""
    sqs = cloud.host.client("sqs")
    sqs.send_message(QueueUrl=cloud.outputs[Output.QUEUE], MessageBody=json.dumps({"Records": "poison"}))
    cloud.wait_for_alarm("DeadLetters")
    assert len(cloud.troubles()) == 1
    dead = sqs.receive_message(QueueUrl=cloud.outputs[Output.DEAD_LETTERS], MaxNumberOfMessages=10)["Messages"]
    sqs.purge_queue(QueueUrl=cloud.outputs[Output.DEAD_LETTERS])
    assert [json.loads(message["Body"]) for message in dead] == [{"Records": "poison"}]


def test_a_burst_while_a_run_goes_on_takes_few_jobs(cloud: Cloud, pictures: Pictures) -> None:
    """2,000 images that come during a run are all in the matrix after at most three jobs, that run's included."""
    before, burst = len(cloud.jobs()), pictures("burst", 2_000)
    cloud.upload(pictures("first-of-all", 1))
    cloud.wait_for("RUNNING")
    cloud.upload(burst)
    cloud.settle()
    assert cloud.troubles() == []
    assert len(cloud.jobs()) - before <= 3
    assert set(burst) <= cloud.images()
    assert cloud.notices() == 0
