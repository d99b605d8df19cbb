"""Lambda: functions run as in AWS, with the code of their bundles only, under their roles."""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from botocore.exceptions import ClientError

from localaws.account import ACCOUNT, LOG, REGION
from localaws.event_source import failures_in
from localaws.logs import BYTES, EVENTS, LogLine, parts_of
from localaws.metrics import MetricValue, embedded_metrics
from localaws.sandbox import PYTHON
from tests.localaws.cloud import PATIENCE, Cloud, Function, cloud_in, until

PACE = 300.0
"""A window of a minute lasts 0.2 s; messages are visible again after 2 s, the shortest time."""

METRIC = {
    "_aws": {
        "CloudWatchMetrics": [
            {"Namespace": "Tests", "Dimensions": [["service"]], "Metrics": [{"Name": "Eaten", "Unit": "Count"}]}
        ]
    },
    "service": "taster",
    "Eaten": [2.0, 3.0],
}


@dataclass(frozen=True)
class Call:
    """An invocation of a function that waits for its orders."""

    records: list[dict[str, Any]]
    pid: int
    talk: IO[str]

    def tell(self, **what: object) -> None:
        """Give the orders, and let the function continue."""
        with self.talk:
            print(json.dumps(what), file=self.talk, flush=True)


@dataclass(frozen=True)
class Callee:
    """A socket to which functions connect that a queue has invoked."""

    listening: socket.socket

    @property
    def environment(self) -> dict[str, dict[str, str]]:
        """Environment of the function, which has the port of the socket."""
        return {"Variables": {"TEST": str(self.listening.getsockname()[1])}}

    def next(self) -> Call:
        """Wait for an invocation."""
        line, _ = self.listening.accept()
        with line:
            talk = line.makefile("rw")
        document = json.loads(talk.readline())
        return Call(document["records"], document["pid"], talk)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a local AWS."""
    with cloud_in(tmp_path_factory.mktemp("functions"), PACE) as cloud:
        yield cloud


@pytest.fixture
def callee() -> Iterator[Callee]:
    """Open a socket for functions that queues invoke."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        yield Callee(listening)


def _arn(queue_url: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_url.rpartition('/')[2]}"


CONSUMER = ("logs:*", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def _attach(cloud: Cloud, queue_url: str, function: Function, **properties: object) -> None:
    cloud.aws.client("lambda").create_event_source_mapping(
        EventSourceArn=_arn(queue_url),
        FunctionName=function.name,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        **{"BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 60} | properties,
    )


def _send(cloud: Cloud, queue_url: str, bodies: Sequence[str]) -> None:
    sqs = cloud.aws.client("sqs")
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
        sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)


def test_a_function_answers_and_stays_warm(cloud: Cloud) -> None:
    """The same process answers two calls, and loads the code once."""
    function = cloud.function(cloud.role("logs:*"))
    first, second = function.call(), function.call()
    assert first == second
    assert first[0]["name"] == function.name
    assert first[1] is None
    assert function.log().count("begun\n") == 1


def test_concurrent_calls_have_a_process_each(cloud: Cloud) -> None:
    """A process serves one call at a time."""
    function = cloud.function(cloud.role("logs:*"))
    with ThreadPoolExecutor() as callers:
        answers = list(callers.map(lambda _: function.call(sleep=0.5), range(2)))
    assert answers[0][0]["pid"] != answers[1][0]["pid"]


def test_a_function_sees_its_bundle_and_its_role_only(cloud: Cloud) -> None:
    """Packages that are installed here are hidden: one that is missing in the bundle is an error."""
    function = cloud.function(cloud.role())
    error, failed = function.call(**{"import": ["boto3"]})
    assert (failed, error["errorType"]) == ("Unhandled", "ModuleNotFoundError")
    assert function.call()[0]["key"].startswith("ASIA")


def test_an_error_has_its_name(cloud: Cloud) -> None:
    """State machines catch errors by the names of their classes."""
    error, failed = cloud.function(cloud.role()).call(**{"raise": "NotReadyError"})
    assert failed == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("NotReadyError", "as it was told")
    assert "handler.py" in error["stackTrace"][0]


def test_a_function_that_takes_too_long_is_ended(cloud: Cloud) -> None:
    """The process is killed after the timeout, and the next call has a new one."""
    function = cloud.function(cloud.role("logs:*"), Timeout=1)
    before = function.call()[0]["pid"]
    error, failed = function.call(sleep=60)
    assert (failed, error["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert error["errorMessage"] + "\n" in function.log()
    assert function.call()[0]["pid"] != before


def test_a_process_that_dies_is_an_error(cloud: Cloud) -> None:
    """The next call has a new process."""
    function = cloud.function(cloud.role())
    error, failed = function.call(exit=7)
    assert (failed, error["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert error["errorMessage"].endswith("Runtime exited with error: exit status 7")
    assert function.call()[1] is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")
def test_a_function_that_uses_more_memory_than_it_has_fails(cloud: Cloud) -> None:
    """Its size counts: the same work succeeds in a larger function."""
    code = "def handler(event, context):\n    return len(b'x' * (event['megabytes'] * 2**20))"
    small, large = (cloud.function(cloud.role(), code, MemorySize=size) for size in (128, 512))
    assert small.call(megabytes=1)[1] is None
    error, failed = small.call(megabytes=200)
    assert (failed, error["errorType"]) == ("Unhandled", "Runtime.OutOfMemory")
    assert small.call(megabytes=1)[1] is None
    assert large.call(megabytes=200) == (200 * 2**20, None)


def test_code_that_can_not_be_loaded_is_an_error(cloud: Cloud) -> None:
    """Each call has this error."""
    function = cloud.function(cloud.role(), code="import nothing_of_this_name")
    for _ in range(2):
        error, failed = function.call()
        assert (failed, error["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")


def test_the_output_is_in_the_log(cloud: Cloud) -> None:
    """The lines of the function are between those of AWS, in the log group of the function."""
    function = cloud.function(cloud.role("logs:CreateLogStream", "logs:PutLogEvents"), MemorySize=256)
    function.call(print=["one", "two"])
    log = function.log()
    assert log[0] == "begun\n"
    assert log[1].startswith("START RequestId: ")
    assert log[2:4] == ["one\n", "two\n"]
    assert log[4].startswith("END RequestId: ")
    assert "Memory Size: 256 MB" in log[5]


def test_a_function_whose_role_may_not_log_runs_without_a_log(cloud: Cloud) -> None:
    """The function succeeds, as in AWS; the log of the local AWS has a warning."""
    function = cloud.function(cloud.role())
    assert function.call()[1] is None
    assert function.log() == []
    assert f"lines of the log group {function.name} are lost" in (cloud.folder / LOG).read_text()


def test_an_error_raises_the_alarm_of_the_function(cloud: Cloud) -> None:
    """Metrics that are embedded in the log count, too."""
    cloudwatch, function = cloud.aws.client("cloudwatch"), cloud.function(cloud.role("logs:*"))
    for name, namespace, metric, dimension in (
        ("failed", "AWS/Lambda", "Errors", {"Name": "FunctionName", "Value": function.name}),
        ("eaten", "Tests", "Eaten", {"Name": "service", "Value": "taster"}),
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[dimension],
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Period=300,
            Statistic="Sum",
            Threshold=0,
        )
    function.call(**{"print": [json.dumps(METRIC)], "raise": "SomeError"})
    until(lambda: len(cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]) == 2)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"TracingConfig": {"Mode": "Active"}}, "does not have permissions to call xray:PutTraceSegments"),
        ({"Runtime": "python3.9"}, f"{PYTHON} only"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "VpcConfig"),
        ({"Layers": [f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:l:1"]}, "Layers"),
        ({"LoggingConfig": {"LogFormat": "JSON"}}, "JSON"),
        ({"Environment": {"Variables": {"AWS_REGION": "eu-west-3"}}}, "reserved: AWS_REGION"),
    ],
)
def test_a_wrong_function_is_refused(cloud: Cloud, properties: dict[str, Any], reason: str) -> None:
    """AWS would refuse it, or a property would have no effect here."""
    role = cloud.role("logs:*")
    with pytest.raises(ClientError, match=reason):
        cloud.function(role, **properties)


def test_the_role_of_a_function_must_trust_lambda(cloud: Cloud) -> None:
    """Lambda can't assume a role that trusts another service."""
    role = cloud.role(service="states.amazonaws.com")
    with pytest.raises(ClientError, match="assumed by"):
        cloud.function(role)


def test_a_function_for_node_can_be_created_but_not_invoked(cloud: Cloud) -> None:
    """CDK deploys such a function."""
    function = cloud.function(cloud.role(), Runtime="nodejs24.x", Handler="index.handler")
    with pytest.raises(ClientError, match="only functions for python"):
        function.call()


@pytest.mark.parametrize(
    ("lacking", "properties", "reason"),
    [
        ("sqs:DeleteMessage", {}, "sqs:DeleteMessage"),
        ("", {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "FilterCriteria"),
        ("", {"MaximumBatchingWindowInSeconds": 0}, "need a window"),
    ],
)
def test_a_wrong_event_source_mapping_is_refused(
    cloud: Cloud, lacking: str, properties: dict[str, Any], reason: str
) -> None:
    """AWS would refuse it, or a property would have no effect here."""
    role = cloud.role(*(action for action in CONSUMER if action != lacking))
    function, queue_url = cloud.function(role), cloud.queue()
    with pytest.raises(ClientError, match=reason):
        _attach(cloud, queue_url, function, **properties)


def test_a_queue_invokes_a_function(cloud: Cloud, callee: Callee) -> None:
    """The record of a message has the format of Lambda."""
    queue_url = cloud.queue()
    function = cloud.function(cloud.role(*CONSUMER), Environment=callee.environment)
    _attach(cloud, queue_url, function)
    attribute = {"DataType": "String", "StringValue": "red"}
    sent = cloud.aws.client("sqs").send_message(
        QueueUrl=queue_url, MessageBody="an apple", MessageAttributes={"colour": attribute}
    )
    call = callee.next()
    call.tell(**{"return": None})
    (record,) = call.records
    attributes = record.pop("attributes")
    assert record.pop("receiptHandle")
    assert record == {
        "messageId": sent["MessageId"],
        "body": "an apple",
        "messageAttributes": {
            "colour": {"dataType": "String", "stringValue": "red", "stringListValues": [], "binaryListValues": []}
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": _arn(queue_url),
        "awsRegion": REGION,
    }
    assert attributes["ApproximateReceiveCount"] == "1"
    assert {"SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp"} < set(attributes)


def test_a_burst_is_one_batch(cloud: Cloud, callee: Callee) -> None:
    """One invocation gets all messages that arrive within the window, each of them once."""
    queue_url = cloud.queue()
    _send(cloud, queue_url, [str(number) for number in range(1000)])
    function = cloud.function(cloud.role(*CONSUMER), Environment=callee.environment)
    _attach(cloud, queue_url, function)
    call = callee.next()
    call.tell(**{"return": None})
    assert [int(record["body"]) for record in call.records] == list(range(1000))


def test_the_number_of_concurrent_batches_is_limited(cloud: Cloud, callee: Callee) -> None:
    """With a limit of two, the third batch waits for the end of one of the others."""
    queue_url = cloud.queue()
    _send(cloud, queue_url, ["one", "two", "three"])
    function = cloud.function(cloud.role(*CONSUMER), Environment=callee.environment)
    limit = {"ScalingConfig": {"MaximumConcurrency": 2}}
    _attach(cloud, queue_url, function, BatchSize=1, MaximumBatchingWindowInSeconds=0, **limit)
    first, second = callee.next(), callee.next()
    first.tell(**{"return": None})
    third = callee.next()
    second.tell(**{"return": None})
    third.tell(**{"return": None})
    assert third.pid == first.pid != second.pid


def test_a_failed_message_is_delivered_again_and_ends_in_the_dead_letter_queue(cloud: Cloud, callee: Callee) -> None:
    """Other messages of the batch are deleted; the queue limits the number of deliveries."""
    letters = cloud.queue()
    redrive = json.dumps({"deadLetterTargetArn": _arn(letters), "maxReceiveCount": 2})
    queue_url = cloud.queue(RedrivePolicy=redrive, VisibilityTimeout="60")
    _send(cloud, queue_url, ["good", "bad"])
    function = cloud.function(cloud.role(*CONSUMER), Environment=callee.environment)
    _attach(cloud, queue_url, function)
    first = callee.next()
    assert [record["body"] for record in first.records] == ["good", "bad"]
    first.tell(**{"return": {"batchItemFailures": [{"itemIdentifier": first.records[1]["messageId"]}]}})
    second = callee.next()
    assert [record["body"] for record in second.records] == ["bad"]
    assert second.records[0]["attributes"]["ApproximateReceiveCount"] == "2"
    second.tell(**{"raise": "SomeError"})
    sqs = cloud.aws.client("sqs")
    dead = sqs.receive_message(QueueUrl=letters, WaitTimeSeconds=20)["Messages"]
    assert [message["Body"] for message in dead] == ["bad"]


def test_an_updated_function_runs_in_a_new_process(cloud: Cloud) -> None:
    """Settings that are not given stay; what AWS would refuse at the creation is refused at the update, too."""
    function = cloud.function(cloud.role("logs:*"), MemorySize=256, Timeout=20)
    before, _ = function.call()
    functions = cloud.aws.client("lambda")
    functions.update_function_configuration(FunctionName=function.name, MemorySize=512)
    now = functions.get_function_configuration(FunctionName=function.name)
    assert (now["MemorySize"], now["Timeout"], now["LoggingConfig"]["LogGroup"]) == (512, 20, function.name)
    assert function.call()[0]["pid"] != before["pid"]
    with pytest.raises(ClientError, match="xray:PutTraceSegments"):
        functions.update_function_configuration(FunctionName=function.name, TracingConfig={"Mode": "Active"})


def test_a_process_that_is_busy_during_an_update_ends_after_its_invocation(cloud: Cloud, callee: Callee) -> None:
    """The invocation ends undisturbed, and the next one has another process."""
    queue_url = cloud.queue()
    function = cloud.function(cloud.role(*CONSUMER), Environment=callee.environment)
    _attach(cloud, queue_url, function, BatchSize=1, MaximumBatchingWindowInSeconds=0)
    _send(cloud, queue_url, ["one"])
    first = callee.next()
    cloud.aws.client("lambda").update_function_configuration(FunctionName=function.name, MemorySize=512)
    first.tell(**{"return": None})
    _send(cloud, queue_url, ["two"])
    second = callee.next()
    second.tell(**{"return": None})
    assert [record["body"] for record in second.records] == ["two"]
    assert second.pid != first.pid


def test_an_updated_mapping_has_its_new_settings(cloud: Cloud, callee: Callee) -> None:
    """It is checked as at its creation; settings that are not given stay."""
    queue_url = cloud.queue()
    _send(cloud, queue_url, ["one", "two"])
    function = cloud.function(cloud.role(*CONSUMER), Environment=callee.environment)
    functions = cloud.aws.client("lambda")
    uuid = functions.create_event_source_mapping(
        EventSourceArn=_arn(queue_url), FunctionName=function.name, Enabled=False, BatchSize=1
    )["UUID"]
    with pytest.raises(ClientError, match="need a window"):
        functions.update_event_source_mapping(UUID=uuid, BatchSize=1000)
    functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    calls = [callee.next(), callee.next()]
    for call in calls:
        call.tell(**{"return": None})
    assert sorted(record["body"] for call in calls for record in call.records) == ["one", "two"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of a killed process")
@pytest.mark.parametrize("politely", [True, False])
def test_no_process_is_left(tmp_path: Path, callee: Callee, *, politely: bool) -> None:
    """A function that runs ends when the local AWS ends or is killed."""
    with cloud_in(tmp_path, PACE) as cloud:
        queue_url = cloud.queue()
        function = cloud.function(cloud.role(*CONSUMER), Environment=callee.environment)
        _attach(cloud, queue_url, function)
        _send(cloud, queue_url, ["a message"])
        call = callee.next()
        watched = os.pidfd_open(call.pid)
        cloud.process.send_signal(signal.SIGTERM if politely else signal.SIGKILL)
        try:
            assert select.select([watched], [], [], PATIENCE)[0]
        finally:
            os.close(watched)
            call.talk.close()


SENT = {"a", "b"}


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, SENT),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, SENT),
        ({"batchItemFailures": [{"id": "a"}]}, SENT),
        ({"batchItemFailures": [{"itemIdentifier": "c"}]}, SENT),
        ("all well", SENT),
    ],
)
def test_a_report_of_failures_is_read_as_aws_reads_it(answer: object, failed: set[str]) -> None:
    """An empty report means no failure; an invalid one means that all messages have failed."""
    assert failures_in(json.dumps(answer).encode(), SENT) == failed
    assert failures_in(b"no JSON", SENT) == SENT


def test_embedded_metrics_are_read_from_lines() -> None:
    """A line has each value of each metric for each set of dimensions; other lines have none."""
    values = list(embedded_metrics(json.dumps(METRIC)))
    assert values == [MetricValue("Tests", "Eaten", {"service": "taster"}, value) for value in (2.0, 3.0)]
    assert not list(embedded_metrics("a line\n"))
    assert not list(embedded_metrics("{no JSON\n"))
    assert not list(embedded_metrics('{"level": "INFO"}\n'))


def test_long_logs_are_written_in_parts() -> None:
    """CloudWatch limits the events and the bytes of one call."""
    many, large = [LogLine(0, "x")] * (EVENTS + 1), [LogLine(0, "x" * (BYTES // 3))] * 4
    assert [len(part) for part in parts_of(many)] == [EVENTS, 1]
    assert [len(part) for part in parts_of(large)] == [2, 2]
    assert list(parts_of([])) == []
