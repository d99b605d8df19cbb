"""Tests of `start_run` as Lambda calls it."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contract.layout import INBOX, REJECTED_NOTICES
from contract.notices import Notice, NoticeType
from lambdas.start_run.handler import metrics, respond
from lambdas.start_run.intake import Intake
from tests.lambdas.start_run.cloud import Cloud, Step
from tests.lambdas.start_run.test_events import body, record

ROOT = Path(__file__).parents[3]

Message = dict[str, Any]

TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "any"})


def _message(text: str, sent: int = 1_795_177_000_123) -> Message:
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(sent),
            "SenderId": "AIDAJXNJGGKNS7OSV23OI",
            "ApproximateFirstReceiveTimestamp": str(sent + 5),
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:events",
        "awsRegion": "eu-west-1",
    }


def _image(cloud: Cloud, key: str = "Apple+Braeburn/1.jpg", **told: Any) -> Message:  # noqa: ANN401 -- fields of an event
    return _message(body(record(f"images/{key}", bucket=cloud.intake.bucket, **told)))


def _respond(messages: list[Message], intake: Intake) -> list[str]:
    """Call the function as Lambda does; return the ids of the messages that failed."""
    try:
        answer = respond({"Records": json.loads(json.dumps(messages))}, intake)
    finally:
        metrics.clear_metrics()  # as `log_metrics` does after each invocation
    assert answer.keys() == {"batchItemFailures"}
    return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def _ids(messages: list[Message]) -> list[str]:
    return [message["messageId"] for message in messages]


def test_a_batch_of_images_is_one_file_one_generation_and_one_execution(cloud: Cloud) -> None:
    """Messages with one or several records make one file, one generation and one execution, and none fails."""
    removed = record("images/b.jpg", event="ObjectRemoved:Delete", bucket=cloud.intake.bucket, sequencer="0F")
    again = record("images/Apple+Braeburn/1.jpg", bucket=cloud.intake.bucket, eTag="2", sequencer="0E")
    first = _image(cloud, eTag="1", size=7, sequencer="0D")
    assert _respond([first, _message(body(again, removed))], cloud.intake) == []
    ((file, notices),) = cloud.inbox().items()
    assert notices == [
        Notice(key="Apple Braeburn/1.jpg", op=NoticeType.CREATED, etag="1", size=7, sequencer="0D"),
        Notice(key="Apple Braeburn/1.jpg", op=NoticeType.CREATED, etag="2", size=1024, sequencer="0E"),
        Notice(key="b.jpg", op=NoticeType.REMOVED, sequencer="0F"),
    ]
    assert cloud.generation() == 1
    assert cloud.executions() == [f"update-{file.removeprefix(INBOX).removesuffix('.jsonl')}"]


def test_a_batch_is_named_after_the_time_of_its_last_message(cloud: Cloud) -> None:
    """The id of a batch contains the time at which its last message was sent."""
    for sent in (1_795_177_000_999, 1_795_177_001_000):
        old = _message(body(record("images/a.jpg", bucket=cloud.intake.bucket)), 1_795_000_000_000)
        assert _respond([_message(old["body"], sent), old], cloud.intake) == []
    assert [key[: len(INBOX) + 16] for key in sorted(cloud.inbox())] == [
        "inbox/20261120T121640Z",
        "inbox/20261120T121641Z",
    ]


KINDS = ("image", "poison", "test event", "folder", "unusable")


def _of_kind(kind: str, number: int, cloud: Cloud) -> Message:
    match kind:
        case "image":
            return _image(cloud, f"{number}.jpg")
        case "poison":
            elsewhere = body(record(f"images/{number}.jpg", bucket="another-bucket"))
            return _message(["no JSON", "{}", elsewhere, '{"Records": [null]}'][number % 4])
        case "test event":
            return _message(TEST_EVENT)
        case "folder":
            return _image(cloud, f"{number}/")
        case _:
            return _image(cloud, f"a//{number}.jpg")


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=8))
def test_only_poison_fails_and_the_rest_is_taken_in(cloud: Cloud, kinds: list[str]) -> None:
    """In any mixture of messages, only invalid ones fail; without an event of an image, nothing is written."""
    world = cloud.another()
    messages = [_of_kind(kind, number, world) for number, kind in enumerate(kinds)]
    failed = _respond(messages, world.intake)
    assert failed == [message["messageId"] for kind, message in zip(kinds, messages, strict=True) if kind == "poison"]
    keys = [f"{number}.jpg" for number, kind in enumerate(kinds) if kind == "image"]
    assert [[notice.key for notice in notices] for notices in world.inbox().values()] == ([keys] if keys else [])
    told = [f"a//{number}.jpg" for number, kind in enumerate(kinds) if kind == "unusable"]
    assert [[line["notice"] for line in lines] for lines in world.rejected().values()] == ([told] if told else [])
    assert all("an empty folder name" in line["reason"] for lines in world.rejected().values() for line in lines)
    assert world.generation() == len(world.executions()) == (1 if keys else 0)


def test_all_poison_fails_and_nothing_is_written(cloud: Cloud) -> None:
    """A batch of invalid messages fails message by message, and the function itself succeeds."""
    messages = [_of_kind("poison", number, cloud) for number in range(8)]
    assert _respond(messages, cloud.intake) == _ids(messages)
    assert (cloud.objects(), cloud.items(), cloud.executions()) == ({}, {}, [])


def test_a_message_with_one_bad_record_fails_as_a_whole(cloud: Cloud) -> None:
    """A message with one invalid record yields no notice, because SQS can't redeliver a part of it."""
    bad = _message(body(record("images/a.jpg", bucket=cloud.intake.bucket), {"eventName": "?"}))
    good = _image(cloud, "b.jpg")
    assert _respond([bad, good], cloud.intake) == [bad["messageId"]]
    assert [notice.key for notices in cloud.inbox().values() for notice in notices] == ["b.jpg"]


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=st.permutations(range(6)))
def test_a_batch_that_comes_again_in_any_order_changes_nothing(cloud: Cloud, order: list[int]) -> None:
    """A redelivery in another order changes nothing, also after a run has processed the batch."""
    world = cloud.another()
    kinds = ("image", "poison", "unusable", "folder", "image", "image")
    messages = [_of_kind(kind, number, world) for number, kind in enumerate(kinds)]
    again = [messages[number] for number in order]
    _respond(messages, world.intake)
    files, executions = set(world.objects()), world.executions()
    assert _respond(again, world.intake) == [messages[1]["messageId"]]
    assert set(world.objects()) == files
    assert len(world.work()) == 3
    assert _respond(again, world.intake) == [messages[1]["messageId"]]
    assert set(world.objects()) == {file for file in files if file.startswith(REJECTED_NOTICES)}
    assert world.generation() == 1
    assert world.executions() == executions
    assert len(executions) == 1


@pytest.mark.parametrize("step", Step)
def test_a_refusal_of_aws_brings_all_messages_again(cloud: Cloud, step: Step) -> None:
    """An error of AWS reaches Lambda, so that no message is deleted, and the redelivery succeeds."""
    kinds = ("image", "poison", "folder", "image")
    messages = [_of_kind(kind, number, cloud) for number, kind in enumerate(kinds)]
    with cloud.accident(step), pytest.raises(ClientError, match="ThrottlingException"):
        _respond(messages, cloud.intake)
    assert _respond(messages[::-1], cloud.intake) == [messages[1]["messageId"]]
    ((file, notices),) = cloud.inbox().items()
    assert {notice.key for notice in notices} == {"0.jpg", "3.jpg"}
    assert cloud.generation() == (2 if step is Step.REMEMBER else 1)
    assert cloud.executions() == [f"update-{file.removeprefix(INBOX).removesuffix('.jsonl')}"]


CALL = """
import json, re, sys, time
from pathlib import Path
from types import SimpleNamespace
from lambdas.start_run.handler import handler
context = SimpleNamespace(
    function_name="start-run",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:start-run",
    aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
)
for event in json.load(sys.stdin):
    print(json.dumps({"answer": handler(event, context)}))
status = Path("/proc/self/status")
(peak,) = re.findall(r"VmHWM:\\s*(\\d+) kB", status.read_text()) if status.exists() else "0"
print(json.dumps({"seconds": time.process_time(), "peak_bytes": int(peak) * 1024}))
"""


def _call_as_lambda(events: list[dict[str, Any]], cloud: Cloud) -> list[dict[str, Any]]:
    """Call the handler in a separate process with the environment of the stack; return the lines of its output."""
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
        "BUCKET": cloud.intake.bucket,
        "COORDINATION_TABLE": cloud.intake.table,
        "STATE_MACHINE": cloud.intake.state_machine,
        "GATHER_MINUTES": "15",
        "POWERTOOLS_METRICS_NAMESPACE": "Fruits/test",
    }
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        input=json.dumps(events).encode(),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_the_largest_batch_is_taken_in_at_once(cloud: Cloud) -> None:
    """10,000 messages take a small part of the timeout and of the 512 MB of the function."""
    messages = [_image(cloud, f"Apple+Braeburn/{number}.jpg") for number in range(10_000)]
    messages[5_000]["body"] = "poison"
    lines = _call_as_lambda([{"Records": messages}], cloud)
    (answer,) = (line["answer"] for line in lines if "answer" in line)
    assert answer == {"batchItemFailures": [{"itemIdentifier": messages[5_000]["messageId"]}]}
    ((_, notices),) = cloud.inbox().items()
    assert [notice.key for notice in notices] == [
        f"Apple Braeburn/{number}.jpg" for number in range(10_000) if number != 5_000
    ]
    assert cloud.generation() == len(cloud.executions()) == 1
    (used,) = (line for line in lines if "peak_bytes" in line)
    assert used["seconds"] < 3  # of a whole processor; Lambda gives a third of one
    assert used["peak_bytes"] < 256e6


def test_the_handler_answers_lambda_and_says_what_it_did(cloud: Cloud) -> None:
    """With the environment of the stack, the handler returns failed messages, emits metrics, and logs reasons."""
    poison = _message(body(record("images/a.jpg", bucket="cut-\ud83c", size=5)))
    odd = _image(cloud, "%0A\ud83c.jpg")
    batch = [_image(cloud, "a.jpg"), poison, _image(cloud, "b.jpg"), odd]
    lines = _call_as_lambda([{"Records": batch}, {"Records": [_image(cloud, "c.jpg")]}], cloud)
    assert [line["answer"] for line in lines if "answer" in line] == [
        {"batchItemFailures": [{"itemIdentifier": poison["messageId"]}]},
        {"batchItemFailures": []},
    ]
    assert sorted(notice.key for notices in cloud.inbox().values() for notice in notices) == ["a.jpg", "b.jpg", "c.jpg"]
    figures = [line for line in lines if "_aws" in line]
    for line in figures:
        (metric,) = line["_aws"]["CloudWatchMetrics"]
        assert metric["Namespace"] == "Fruits/test"
        assert metric["Dimensions"] == [["service"]]
        assert {(found["Name"], found["Unit"]) for found in metric["Metrics"]} == {
            ("Messages", "Count"),
            ("Notices", "Count"),
            ("UnusableNames", "Count"),
        }
        assert line["service"] == "start_run"
    assert [(line["Notices"], line["UnusableNames"]) for line in figures] == [([2.0], [1.0]), ([1.0], [0.0])]
    told = [line for line in lines if line.get("level") == "WARNING"]
    assert [line.get("message_id") for line in told] == [poison["messageId"], None]
    assert "another place" in told[0]["reason"]
    assert "control characters" in told[1]["reason"]
    assert {line["function_request_id"] for line in lines if "level" in line} == {
        "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    }
