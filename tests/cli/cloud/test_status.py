"""Tests of `fruits status`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cli.cloud.environment import Deployment
from cli.cloud.records import RecordedRun
from cli.cloud.situation import Execution, MessageCounts, Situation
from cli.cloud.status import attention, facts
from cli.main import main
from contract.coordination import COORDINATION, GENERATION, HOLDER, KEY, PROCESSED, WAITING
from contract.environments import Output
from contract.runs import Mode
from contract.summary import Summary
from contract.workflow import RunRecord, RunRequest

RUN = "20261120T121530Z-3fa94c"

Publish = Callable[..., None]
Put = Callable[[str, bytes], None]

QUIET = Situation(
    holder=None,
    waiting=None,
    generation=3,
    processed=3,
    notices=0,
    queue=MessageCounts(waiting=0, taken=0),
    dead_letters=MessageCounts(waiting=0, taken=0),
    complete=None,
    recorded=None,
)


@pytest.fixture
def coordinate(deployment: Deployment) -> Callable[..., None]:
    """Return a function that writes the coordination item."""

    def write(generation: int, processed: int, **executions: str) -> None:
        item = {KEY: {"S": COORDINATION}, GENERATION: {"N": str(generation)}, PROCESSED: {"N": str(processed)}}
        item |= {role: {"S": arn} for role, arn in executions.items()}
        deployment.dynamodb.put_item(TableName=deployment.resource(Output.COORDINATION_TABLE), Item=item)

    return write


@pytest.fixture
def start(deployment: Deployment) -> Callable[[str, Mode], str]:
    """Return a function that starts an execution, and returns its ARN."""

    def start_it(name: str, mode: Mode) -> str:
        return deployment.stepfunctions.start_execution(
            stateMachineArn=deployment.resource(Output.STATE_MACHINE), name=name, input=RunRequest(mode=mode).to_json()
        )["executionArn"]

    return start_it


def _status(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Run the command, and return its lines as subject → description."""
    assert main(["status", "--env", "dev"]) == 0
    lines = capsys.readouterr().out.splitlines()
    return {line[:12].strip(): line[12:].strip() for line in lines}


@pytest.mark.usefixtures("deployment")
def test_a_new_environment_is_idle(capsys: pytest.CaptureFixture[str]) -> None:
    """A new environment has no coordination item yet, and nothing in it needs attention."""
    assert _status(capsys) == {
        "environment": "dev, eu-west-1, bucket fruits-dev-data",
        "now": "no execution is running",
        "next": "no execution waits for the lease",
        "inbox": "0 files of notices; generation 0, processed up to 0",
        "queue": "0 messages",
        "dead letters": "0 messages",
        "results": "none yet",
        "last run": "none yet",
    }


def test_holder_and_waiting_execution_are_shown(
    coordinate: Callable[..., None], start: Callable[[str, Mode], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The status shows name, mode, state and start of both executions, and what they do."""
    coordinate(17, 15, **{HOLDER: start("batch-1", Mode.UPDATE), WAITING: start("by-hand", Mode.REPROCESS)})
    told = _status(capsys)
    since = f"RUNNING, started {datetime.now(UTC):%Y-%m}"
    assert told["now"].startswith(f"batch-1 (update), {since}")
    assert told["now"].endswith(" UTC: A State")
    assert told["next"].startswith(f"by-hand (reprocess), {since}")
    assert told["inbox"].endswith("generation 17, processed up to 15")


def test_notices_and_messages_are_counted(deployment: Deployment, put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    """The status counts the files of the inbox without rejected lines, and the messages of both queues."""
    for name in ("inbox/1.jsonl", "inbox/2.jsonl", "inbox/rejected/1.jsonl"):
        put(name, b"")
    for output, count in ((Output.QUEUE, 3), (Output.DEAD_LETTERS, 1)):
        for _ in range(count):
            deployment.sqs.send_message(QueueUrl=deployment.resource(output), MessageBody="{}")
    deployment.sqs.receive_message(QueueUrl=deployment.resource(Output.QUEUE))
    told = _status(capsys)
    assert told["inbox"].startswith("2 files of notices; ")
    assert told["queue"] == "2 messages, 1 in progress"
    assert told["dead letters"] == "1 message"


def test_the_last_run_is_the_last_one_that_is_over(
    publish: Publish, put: Put, record: RunRecord, summary: Summary, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last run may have failed, and then the last results are of an earlier run; a running one does not count."""
    publish(RUN, record, summary)
    put("results/20261122T080000Z-goes-on/pca.csv", b"")
    told = _status(capsys)
    assert told["results"] == f"{RUN} of 2026-11-20 12:28 UTC: 90,378 images, 2 refused"
    assert told["last run"] == f"{RUN} (update), SUCCESS in 13:22, 0.188 USD"
    publish("20261121T023000Z-failed", replace(record, state="FAILED", mode="reconcile", cost_usd=None))
    told = _status(capsys)
    assert told["results"].startswith(RUN)
    assert told["last run"] == "20261121T023000Z-failed (reconcile), FAILED in 13:22"


def test_a_holder_that_aws_has_forgotten_needs_attention(
    deployment: Deployment, coordinate: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A holder that AWS no longer has never releases its lease, and the status says so."""
    machine = deployment.resource(Output.STATE_MACHINE).replace(":stateMachine:", ":execution:")
    coordinate(1, 0, **{HOLDER: f"{machine}:batch-0"})
    assert main(["status", "--env", "dev"]) == 0
    out = capsys.readouterr().out
    assert "batch-0, which AWS no longer has" in out
    assert "Attention: The execution that holds the lease has ended without releasing it" in out


def test_the_state_of_an_execution_is_shown_while_it_runs(deployment: Deployment) -> None:
    """The status shows the last state of a running execution, and not that of one that has ended."""
    running = Execution(
        name="batch-1",
        status="RUNNING",
        mode="update",
        started=datetime(2026, 11, 20, 12, 15, tzinfo=UTC),
        state="RunJob",
    )
    told = dict(facts(deployment, replace(QUIET, holder=running)))
    assert told["now"] == "batch-1 (update), RUNNING, started 2026-11-20 12:15 UTC: runs the Spark job"
    told = dict(facts(deployment, replace(QUIET, holder=replace(running, status="ABORTED"))))
    assert told["now"] == "batch-1 (update), ABORTED, started 2026-11-20 12:15 UTC"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"dead_letters": MessageCounts(waiting=2, taken=1)},
            "3 messages could not be processed, and are in the dead-letter queue; `fruits reprocess --mode reconcile",
        ),
        ({"holder": Execution(name="batch-1", status="ABORTED")}, "has ended without releasing it"),
        (
            {"notices": 1},
            "Notices wait, and no execution is running; if this lasts for minutes, `fruits reprocess --mode update",
        ),
    ],
)
def test_what_needs_attention_is_a_sentence_that_says_what_to_do(
    changes: dict[str, object], sentence: str, deployment: Deployment
) -> None:
    """Dead letters, a lease that is not released, and notices without an execution need attention."""
    (told,) = attention(deployment, replace(QUIET, **changes))
    assert sentence in told


def test_a_run_that_failed_needs_attention(deployment: Deployment, record: RunRecord) -> None:
    """A failed run is reported with its reason and the pages that show it."""
    failed = RecordedRun(run_id=RUN, record=replace(record, state="FAILED", reason="61 of 100 refused"), summary=None)
    assert list(attention(deployment, replace(QUIET, recorded=failed))) == [
        "The last run failed: 61 of 100 refused (execution: https://console.aws.example/execution)"
    ]


def test_a_run_that_goes_well_needs_no_attention(deployment: Deployment, record: RunRecord) -> None:
    """Notices during a run need no attention."""
    situation = replace(
        QUIET,
        holder=Execution(name="batch-1", status="RUNNING"),
        notices=12,
        recorded=RecordedRun(run_id=RUN, record=record, summary=None),
    )
    assert list(attention(deployment, situation)) == []
