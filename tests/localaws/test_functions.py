"""Tests of Lambda in the local AWS: functions run as in the cloud, on what is shipped, under their roles.

Most of them call a function that does what it is told. Told by its event; or, where Lambda composes the event, by the
test, with which it talks through a socket: so nobody has to wait for something to have happened.
"""

import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from cdk.packaging import build
from localaws.account import ACCOUNT, LOG, REGION, LocalAws
from localaws.event_source import failures_in
from localaws.function_logs import BYTES, EVENTS, Figure, figures_of, parts_of
from localaws.sandbox import PYTHON, LogLine
from tests.shipped import SHIPPED

PACE = 300.0
"""A window of a minute lasts 0.2 s; messages come back after 2 s, the shortest time there is."""

PATIENCE = 30.0

OBEDIENT = """
import importlib, json, os, socket, time

print("begun")

def handler(event, context):
    if "Records" in event:
        with socket.create_connection(("127.0.0.1", int(os.environ["TEST"]))) as line, line.makefile("rw") as talk:
            print(json.dumps({"records": event["Records"], "pid": os.getpid()}), file=talk, flush=True)
            event = json.loads(talk.readline())
    for line in event.get("print", []):
        print(line)
    for name in event.get("import", []):
        importlib.import_module(name)
    if "raise" in event:
        raise type(event["raise"], (Exception,), {})("as it was told")
    if "exit" in event:
        os._exit(event["exit"])
    time.sleep(event.get("sleep", 0))
    told = {"pid": os.getpid(), "key": os.environ["AWS_ACCESS_KEY_ID"], "name": context.function_name}
    return event.get("return", told)
"""

METRIC = {
    "_aws": {
        "CloudWatchMetrics": [
            {"Namespace": "Tests", "Dimensions": [["service"]], "Metrics": [{"Name": "Eaten", "Unit": "Count"}]}
        ]
    },
    "service": "taster",
    "Eaten": [2.0, 3.0],
}


@dataclass
class Server:
    """A local AWS, in a process of its own."""

    folder: Path
    process: "subprocess.Popen[str]" = field(init=False)
    aws: LocalAws = field(init=False)

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "localaws.server", "--folder", self.folder, "--pace", str(PACE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        endpoint = json.loads(_not_none(self.process.stdout).readline())["endpoint"]
        self.aws = LocalAws(port=int(endpoint.rpartition(":")[2]), folder=self.folder)
        self.aws.client("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
        return self

    def __exit__(self, *_: object) -> None:
        _not_none(self.process.stdin).close()
        self.process.wait(PATIENCE)
        _not_none(self.process.stdout).close()

    def role(self, *actions: str, trusted: str = "lambda.amazonaws.com") -> str:
        """Make a role that may do this and no more."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": trusted}}
        name = f"role-{uuid4().hex}"
        iam = self.aws.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        if actions:
            allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_policy(allowed))
        return str(made["Role"]["Arn"])

    def function(self, role: str, code: str = OBEDIENT, **properties: object) -> "Function":
        """Make a function."""
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w") as archive:
            archive.writestr("handler.py", code)
        name, key = f"function-{uuid4().hex}", f"{uuid4().hex}.zip"
        self.aws.client("s3").put_object(Bucket="code", Key=key, Body=bundle.getvalue())
        known = {"Runtime": PYTHON, "Handler": "handler.handler", "LoggingConfig": {"LogGroup": name}}
        code_at = {"S3Bucket": "code", "S3Key": key}
        self.aws.client("logs").create_log_group(logGroupName=name)
        self.aws.client("lambda").create_function(FunctionName=name, Role=role, Code=code_at, **known | properties)
        return Function(self.aws, name)

    def queue(self, **attributes: str) -> str:
        """Make a queue that calls nobody, and return its URL."""
        name = f"queue-{uuid4().hex}"
        return str(self.aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


@dataclass(frozen=True)
class Function:
    """A function in the local AWS."""

    aws: LocalAws
    name: str

    def call(self, **event: object) -> tuple[Any, str | None]:
        """Call it, and return what it returned and whether it failed."""
        answer = self.aws.client("lambda").invoke(FunctionName=self.name, Payload=json.dumps(event))
        assert answer["StatusCode"] == 200
        return json.load(answer["Payload"]), answer.get("FunctionError")

    def log(self) -> list[str]:
        """Return what is in its log group."""
        events = self.aws.client("logs").filter_log_events(logGroupName=self.name)["events"]
        return [event["message"] for event in events]


@dataclass(frozen=True)
class Call:
    """A function that waits for being told what to do."""

    records: list[dict[str, Any]]
    pid: int
    talk: IO[str]

    def tell(self, **what: object) -> None:
        """Let it go on."""
        with self.talk:
            print(json.dumps(what), file=self.talk, flush=True)


@dataclass(frozen=True)
class Callee:
    """Where functions that queues have called are waiting."""

    listening: socket.socket

    @property
    def environment(self) -> dict[str, dict[str, str]]:
        """What the function must know."""
        return {"Variables": {"TEST": str(self.listening.getsockname()[1])}}

    def next(self) -> Call:
        """Wait for a call."""
        line, _ = self.listening.accept()
        with line:
            talk = line.makefile("rw")
        document = json.loads(talk.readline())
        return Call(document["records"], document["pid"], talk)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a local AWS."""
    with Server(tmp_path_factory.mktemp("aws") / "aws") as server:
        yield server


@pytest.fixture
def callee() -> Iterator[Callee]:
    """Return where functions wait."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        yield Callee(listening)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _not_none(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _arn(queue_url: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_url.rpartition('/')[2]}"


CONSUMER = ("logs:*", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def _attach(server: Server, queue_url: str, function: Function, **properties: object) -> None:
    server.aws.client("lambda").create_event_source_mapping(
        EventSourceArn=_arn(queue_url),
        FunctionName=function.name,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        **{"BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 60} | properties,
    )


def _send(server: Server, queue_url: str, bodies: Sequence[str]) -> None:
    sqs = server.aws.client("sqs")
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
        sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)


def test_a_function_answers_and_stays_warm(server: Server) -> None:
    """The second call is answered by the process that answered the first; the code is loaded once."""
    function = server.function(server.role("logs:*"))
    first, second = function.call(), function.call()
    assert first == second
    assert first[0]["name"] == function.name
    assert first[1] is None
    assert function.log().count("begun\n") == 1


def test_calls_at_once_have_a_process_each(server: Server) -> None:
    """No process has two calls at the same time."""
    function = server.function(server.role("logs:*"))
    with ThreadPoolExecutor() as callers:
        answers = list(callers.map(lambda _: function.call(sleep=0.5), range(2)))
    assert answers[0][0]["pid"] != answers[1][0]["pid"]


def test_a_function_sees_its_bundle_and_its_role_only(server: Server) -> None:
    """Nothing of what is installed here is there: a package that was left out of the bundle is missed."""
    function = server.function(server.role())
    error, failed = function.call(**{"import": ["boto3"]})
    assert (failed, error["errorType"]) == ("Unhandled", "ModuleNotFoundError")
    assert function.call()[0]["key"].startswith("ASIA")


def test_an_error_has_its_name(server: Server) -> None:
    """The workflow asks for errors by the names of their classes."""
    error, failed = server.function(server.role()).call(**{"raise": "BillNotReadyError"})
    assert failed == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("BillNotReadyError", "as it was told")
    assert "handler.py" in error["stackTrace"][0]


def test_a_function_has_its_time_and_no_more(server: Server) -> None:
    """The timeout is real: the process is gone, and the next call has a new one."""
    function = server.function(server.role("logs:*"), Timeout=1)
    before = function.call()[0]["pid"]
    error, failed = function.call(sleep=60)
    assert (failed, error["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert error["errorMessage"] + "\n" in function.log()
    assert function.call()[0]["pid"] != before


def test_a_process_that_dies_is_an_error(server: Server) -> None:
    """As when memory runs out; the next call has a new process."""
    function = server.function(server.role())
    error, failed = function.call(exit=7)
    assert (failed, error["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert error["errorMessage"].endswith("Runtime exited with error: exit status 7")
    assert function.call()[1] is None


def test_code_that_can_not_be_loaded_is_an_error(server: Server) -> None:
    """Each call says so."""
    function = server.function(server.role(), code="import nothing_of_this_name")
    for _ in range(2):
        error, failed = function.call()
        assert (failed, error["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")


def test_what_is_printed_is_in_the_log(server: Server) -> None:
    """Line by line, between the lines of AWS, in the group that was asked for."""
    function = server.function(server.role("logs:CreateLogStream", "logs:PutLogEvents"), MemorySize=256)
    function.call(print=["one", "two"])
    log = function.log()
    assert log[0] == "begun\n"
    assert log[1].startswith("START RequestId: ")
    assert log[2:4] == ["one\n", "two\n"]
    assert log[4].startswith("END RequestId: ")
    assert "Memory Size: 256 MB" in log[5]


def test_who_may_not_log_does_not(server: Server) -> None:
    """As in AWS, the function itself goes well; here somebody is told."""
    function = server.function(server.role())
    assert function.call()[1] is None
    assert function.log() == []
    assert f"lines of the log group {function.name} are lost" in (server.folder / LOG).read_text()


def test_an_error_raises_the_alarm_of_the_function(server: Server) -> None:
    """From the call to the topic's subscriber; figures that the function prints are counted as well."""
    clients = {name: server.aws.client(name) for name in ("cloudwatch", "sns", "sqs")}
    function, queue_url = server.function(server.role("logs:*")), server.queue()
    topic = clients["sns"].create_topic(Name="alarms")["TopicArn"]
    clients["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_arn(queue_url))
    for name, namespace, metric, dimension in (
        ("failed", "AWS/Lambda", "Errors", {"Name": "FunctionName", "Value": function.name}),
        ("eaten", "Tests", "Eaten", {"Name": "service", "Value": "taster"}),
    ):
        clients["cloudwatch"].put_metric_alarm(
            AlarmName=name,
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[dimension],
            AlarmActions=[topic],
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Period=300,
            Statistic="Sum",
            Threshold=0,
        )
    function.call(**{"print": [json.dumps(METRIC)], "raise": "SomeError"})
    raised: set[str] = set()
    while len(raised) < 2:
        for message in clients["sqs"].receive_message(QueueUrl=queue_url, WaitTimeSeconds=20)["Messages"]:
            raised.add(json.loads(json.loads(message["Body"])["Message"])["AlarmName"])
    assert raised == {"failed", "eaten"}


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
def test_a_function_that_can_not_be_is_refused(server: Server, properties: dict[str, Any], reason: str) -> None:
    """Because AWS would refuse it, or because it would not be what was asked for."""
    role = server.role("logs:*")
    with pytest.raises(ClientError, match=reason):
        server.function(role, **properties)


def test_the_role_of_a_function_is_one_for_functions(server: Server) -> None:
    """Lambda can't take on a role that trusts somebody else."""
    role = server.role(trusted="states.amazonaws.com")
    with pytest.raises(ClientError, match="assumed by"):
        server.function(role)


def test_a_function_in_node_is_kept_but_not_run(server: Server) -> None:
    """CDK brings one along."""
    function = server.function(server.role(), Runtime="nodejs24.x", Handler="index.handler")
    with pytest.raises(ClientError, match="such don't run here"):
        function.call()


@pytest.mark.parametrize(
    ("lacking", "properties", "reason"),
    [
        ("sqs:DeleteMessage", {}, "sqs:DeleteMessage"),
        ("", {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "FilterCriteria"),
        ("", {"MaximumBatchingWindowInSeconds": 0}, "take a window"),
    ],
)
def test_a_queue_that_can_not_call_is_refused(
    server: Server, lacking: str, properties: dict[str, Any], reason: str
) -> None:
    """Because AWS would refuse it, or because it would not be what was asked for."""
    role = server.role(*(action for action in CONSUMER if action != lacking))
    function, queue_url = server.function(role), server.queue()
    with pytest.raises(ClientError, match=reason):
        _attach(server, queue_url, function, **properties)


def test_a_queue_calls_a_function(server: Server, callee: Callee) -> None:
    """With what Lambda says of a message."""
    queue_url = server.queue()
    function = server.function(server.role(*CONSUMER), Environment=callee.environment)
    _attach(server, queue_url, function)
    attribute = {"DataType": "String", "StringValue": "red"}
    sent = server.aws.client("sqs").send_message(
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


def test_a_burst_is_one_batch(server: Server, callee: Callee) -> None:
    """All messages that are there within the window come with one call, each of them once."""
    queue_url = server.queue()
    _send(server, queue_url, [str(number) for number in range(1000)])
    function = server.function(server.role(*CONSUMER), Environment=callee.environment)
    _attach(server, queue_url, function)
    call = callee.next()
    call.tell(**{"return": None})
    assert [int(record["body"]) for record in call.records] == list(range(1000))


def test_only_so_many_batches_at_once(server: Server, callee: Callee) -> None:
    """The third batch waits for one of the two that are worked on."""
    queue_url = server.queue()
    _send(server, queue_url, ["one", "two", "three"])
    function = server.function(server.role(*CONSUMER), Environment=callee.environment)
    limit = {"ScalingConfig": {"MaximumConcurrency": 2}}
    _attach(server, queue_url, function, BatchSize=1, MaximumBatchingWindowInSeconds=0, **limit)
    first, second = callee.next(), callee.next()
    first.tell(**{"return": None})
    third = callee.next()
    second.tell(**{"return": None})
    third.tell(**{"return": None})
    assert third.pid == first.pid != second.pid


def test_what_fails_comes_back_and_ends_in_the_dead_letters(server: Server, callee: Callee) -> None:
    """Messages that the function is done with are gone; the others come again, as often as the queue says."""
    letters = server.queue()
    redrive = json.dumps({"deadLetterTargetArn": _arn(letters), "maxReceiveCount": 2})
    queue_url = server.queue(RedrivePolicy=redrive, VisibilityTimeout="60")
    _send(server, queue_url, ["good", "bad"])
    function = server.function(server.role(*CONSUMER), Environment=callee.environment)
    _attach(server, queue_url, function)
    first = callee.next()
    assert [record["body"] for record in first.records] == ["good", "bad"]
    first.tell(**{"return": {"batchItemFailures": [{"itemIdentifier": first.records[1]["messageId"]}]}})
    second = callee.next()
    assert [record["body"] for record in second.records] == ["bad"]
    assert second.records[0]["attributes"]["ApproximateReceiveCount"] == "2"
    second.tell(**{"raise": "SomeError"})
    sqs = server.aws.client("sqs")
    dead = sqs.receive_message(QueueUrl=letters, WaitTimeSeconds=20)["Messages"]
    assert [message["Body"] for message in dead] == ["bad"]


def test_the_function_that_is_shipped_runs(server: Server) -> None:
    """From the bundle that is deployed: an event of an image becomes a notice, its counter and an execution."""
    aws = server.aws
    role = server.role("logs:*", "s3:PutObject", "dynamodb:*", "states:StartExecution")
    start_run = SHIPPED.start_run
    aws.client("s3").upload_file(str(build(start_run)), "code", "start_run.zip")
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    types = [{"AttributeName": "id", "AttributeType": "S"}]
    aws.client("dynamodb").create_table(
        TableName="table", KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST"
    )
    environment = {
        "BUCKET": "code",
        "COORDINATION_TABLE": "table",
        "STATE_MACHINE": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:none",
        "POWERTOOLS_METRICS_NAMESPACE": "Tests",
    }
    aws.client("lambda").create_function(
        FunctionName="start_run",
        Role=role,
        Runtime=PYTHON,
        Handler="lambdas.start_run.handler.handler",
        Code={"S3Bucket": "code", "S3Key": "start_run.zip"},
        Timeout=30,
        Environment={"Variables": environment},
    )
    error, failed = Function(aws, "start_run").call(Records=[_message_of("images/Apple/1.jpg")])
    assert (failed, error["errorType"]) == ("Unhandled", "StateMachineDoesNotExist")
    (notice,) = aws.client("s3").list_objects_v2(Bucket="code", Prefix="inbox/")["Contents"]
    assert notice["Size"] > 0


def _message_of(key: str) -> dict[str, Any]:
    entity = {"key": key, "size": 1, "eTag": "0" * 32, "sequencer": "01"}
    event = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": "code"}, "object": entity},
    }
    return {
        "messageId": str(uuid4()),
        "eventSource": "aws:sqs",
        "body": json.dumps({"Records": [event]}),
        "attributes": {"SentTimestamp": "1767225600000"},
    }


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills who is left behind")
@pytest.mark.parametrize("politely", [True, False])
def test_no_process_is_left(tmp_path: Path, callee: Callee, *, politely: bool) -> None:
    """When the local AWS ends, or is killed, so is a function that is in the middle of something."""
    with Server(tmp_path / "aws") as server:
        queue_url = server.queue()
        function = server.function(server.role(*CONSUMER), Environment=callee.environment)
        _attach(server, queue_url, function)
        _send(server, queue_url, ["a message"])
        call = callee.next()
        watched = os.pidfd_open(call.pid)
        server.process.send_signal(signal.SIGTERM if politely else signal.SIGKILL)
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
def test_answers_are_read_as_aws_reads_them(answer: object, failed: set[str]) -> None:
    """Nothing said is nothing failed; what makes no sense is all failed."""
    assert failures_in(json.dumps(answer).encode(), SENT) == failed
    assert failures_in(b"no JSON", SENT) == SENT


def test_figures_are_read_from_lines() -> None:
    """Each value of each metric, under each set of dimensions; other lines have none."""
    figures = list(figures_of(json.dumps(METRIC)))
    assert figures == [Figure("Tests", "Eaten", {"service": "taster"}, value) for value in (2.0, 3.0)]
    assert not list(figures_of("a line\n"))
    assert not list(figures_of("{no JSON\n"))
    assert not list(figures_of('{"level": "INFO"}\n'))


def test_long_logs_are_written_in_parts() -> None:
    """CloudWatch takes so many lines, and so many bytes, at once."""
    many, large = [LogLine(0, "x")] * (EVENTS + 1), [LogLine(0, "x" * (BYTES // 3))] * 4
    assert [len(part) for part in parts_of(many)] == [EVENTS, 1]
    assert [len(part) for part in parts_of(large)] == [2, 2]
    assert list(parts_of([])) == []
