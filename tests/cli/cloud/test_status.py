"""Tests of `fruits status`."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto.sns.models import sns_backends
from moto.stepfunctions.models import stepfunctions_backends

from cli.cloud.alarms import SUBSCRIPTION, TOPIC, UNCONFIRMED, Alarms, RaisedAlarm, Receivers, receivers_of
from cli.cloud.attention import attention
from cli.cloud.environment import Deployment, StackResource
from cli.cloud.month import Month, month_of
from cli.cloud.records import RecordedRun
from cli.cloud.situation import Execution, MessageCounts, Situation, running_executions, situation_of
from cli.cloud.status import facts, watch
from cli.main import main
from contract.coordination import COORDINATION, GENERATION, HOLDER, KEY, PROCESSED, WAITING
from contract.environments import Output
from contract.layout import LATEST
from contract.runs import Mode
from contract.summary import Summary
from contract.workflow import RunRecord, RunRequest

RUN = "20261120T121530Z-3fa94c"
NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)

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


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.cloud.words.WIDEST", 1000)
    monkeypatch.setenv("COLUMNS", "1000")


def _status(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Run the command, and return its lines as subject → description."""
    assert main(["status", "--env", "dev"]) == 0
    lines = capsys.readouterr().out.splitlines()
    return {line[:12].strip(): line[12:].strip() for line in lines[: lines.index("")]}


@pytest.mark.usefixtures("deployment")
def test_a_new_environment_is_idle(capsys: pytest.CaptureFixture[str]) -> None:
    """A new environment has no coordination item yet, and nothing in it needs attention."""
    assert _status(capsys) == {
        "environment": "dev, eu-west-1, bucket fruits-dev-data",
        "version": "unknown: deploy again to see it",
        "now": "no execution is running",
        "next": "no execution waits for the lease",
        "inbox": "0 files of notices; generation 0, processed up to 0",
        "queue": "0 messages",
        "dead letters": "0 messages",
        "results": "none yet",
        "last run": "none yet",
        "alarms": "none of 0 is in alarm",
        "e-mail": "alarms are not sent: this environment has no address for them",
        "month": (
            f"0.000 USD for jobs in {datetime.now(UTC):%B}, of a budget of 20 USD; without storage, requests, logs and "
            "taxes"
        ),
    }
    assert main(["status", "--env", "dev", "--exit-code"]) == 0
    assert capsys.readouterr().out.endswith("\n\nNothing needs attention.\n")


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
    assert told["last run"] == f"{RUN} (update), SUCCESS in 13:22, 0.188 USD, ended 2026-11-20 12:29 UTC"
    publish("20261121T023000Z-failed", replace(record, state="FAILED", mode="reconcile", cost_usd=None))
    told = _status(capsys)
    assert told["results"].startswith(RUN)
    assert told["last run"] == "20261121T023000Z-failed (reconcile), FAILED in 13:22, ended 2026-11-20 12:29 UTC"


def test_a_damaged_pointer_hides_nothing_else(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs attention, and the next run writes it anew; `fruits results` says the same."""
    put(LATEST, b"{")
    assert main(["status", "--env", "dev", "--exit-code"]) == 3
    out = capsys.readouterr().out
    assert "results/latest.json in the bucket fruits-dev-data is damaged" in out
    assert "fruits start --mode update --env dev" in out
    assert "unknown: see below" in out
    assert main(["results", "--env", "dev"]) == 1
    assert "Start one with `fruits start --mode update --env dev`" in capsys.readouterr().err


def test_a_holder_that_releases_its_lease_during_the_look_needs_no_attention(
    deployment: Deployment, coordinate: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The item is read before the execution is described: the execution may end in between."""
    ended = Execution(name="one", arn="one", status="SUCCEEDED")

    def describe(_: Deployment, arn: str | None) -> Execution | None:
        coordinate(1, 1)
        return ended if arn else None

    coordinate(1, 0, **{HOLDER: "one"})
    monkeypatch.setattr("cli.cloud.situation._execution", describe)
    situation = situation_of(deployment)
    assert (situation.holder, situation.processed) == (None, 1)


def test_a_holder_that_aws_has_forgotten_needs_attention(
    deployment: Deployment, coordinate: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A holder that AWS no longer has never releases its lease, and the status says so."""
    machine = deployment.resource(Output.STATE_MACHINE).replace(":stateMachine:", ":execution:")
    coordinate(1, 0, **{HOLDER: f"{machine}:batch-0"})
    assert main(["status", "--env", "dev", "--exit-code"]) == 3
    out = capsys.readouterr().out
    assert "batch-0, which AWS no longer has" in out
    assert "Attention: The execution batch-0, which holds the lease, has ended without releasing it." in out


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
    ("changes", "sentence", "command"),
    [
        (
            {"dead_letters": MessageCounts(waiting=2, taken=1)},
            "3 messages could not be processed",
            "fruits dead-letters --env dev",
        ),
        (
            {"holder": Execution(name="batch-1", status="ABORTED")},
            "has ended without releasing it",
            "fruits start --mode update --env dev",
        ),
        (
            {"notices": 2, "oldest_notice": NOW - timedelta(minutes=25)},
            "2 files of notices wait, the oldest since 2026-11-20 12:35 UTC (25 minutes ago), and no execution is",
            "fruits start --mode update --env dev",
        ),
        (
            {"alarms": Alarms(raised=(RaisedAlarm(name="LongRun", meaning="It took long", since=NOW),), total=8)},
            "Alarm LongRun, since 2026-11-20 13:00 UTC (just now). It took long. See LongRun in docs/operations.md.",
            None,
        ),
        (
            {"receivers": Receivers(confirmed=("a@example.org",), pending=("b@example.org",))},
            (
                'b@example.org gets no alarms: the subscription is not confirmed. Follow the link in the e-mail "AWS '
                'Notification - Subscription Confirmation"; if it is lost or older than two days, subscribe'
            ),
            None,
        ),
        (
            {"receivers": Receivers(is_forgotten=True)},
            "Alarms are not sent: SNS no longer has the subscription of this environment's address.",
            None,
        ),
        (
            {"month": Month(name="November", spent_usd=20.5, budget_usd=20)},
            "The jobs of November have cost 20.500 USD, which is more than the budget of 20 USD for everything.",
            "fruits runs --last 50 --env dev",
        ),
        (
            {
                "failed": Execution(
                    name="batch-1", arn="a", status="ABORTED", ended=NOW - timedelta(hours=3), reason="by Ann"
                )
            },
            (
                "The execution batch-1 ended as ABORTED at 2026-11-20 10:00 UTC (3 hours ago), and no run has "
                "succeeded since then. by Ann."
            ),
            "fruits logs --hours 4 --env dev",
        ),
    ],
)
def test_what_needs_attention_is_a_sentence_and_a_command(
    changes: dict[str, object], sentence: str, command: str | None, deployment: Deployment
) -> None:
    """Each thing that needs attention says what has happened and when, and what to type or where to read."""
    (told,) = attention(deployment, replace(QUIET, **changes), NOW)
    assert sentence in told.what
    assert next(iter(told.commands), None) == command


def test_notices_that_just_arrived_need_no_attention(deployment: Deployment) -> None:
    """Notices wait for an execution for some time, longer where the environment gathers them."""
    situation = replace(QUIET, notices=1, oldest_notice=NOW - timedelta(minutes=5))
    assert attention(deployment, situation, NOW) == []


def _failed(record: RunRecord, **changes: object) -> RecordedRun:
    failed = replace(record, state="FAILED", reason="61 of 100 refused", **changes)  # type: ignore[arg-type] # fields
    return RecordedRun(run_id=RUN, record=failed, summary=None)


def test_a_run_that_failed_needs_attention(deployment: Deployment, record: RunRecord) -> None:
    """A failed run is reported with time, attempt and reason, with what waits, and with what to type."""
    (told,) = attention(deployment, replace(QUIET, recorded=_failed(record, attempt=2), notices=3), NOW)
    assert told.what == (
        f"The last run, {RUN} (update), failed at 2026-11-20 12:29 UTC (30 minutes ago), at attempt 2. "
        "61 of 100 refused. Nothing is lost: 3 files of notices wait for the next run, which the next upload or you "
        "will start."
    )
    assert told.commands == (f"fruits logs --run {RUN} --env dev", "fruits start --mode update --env dev")
    assert told.run_id == RUN


def test_a_failure_is_over_when_a_later_run_is_complete_or_another_is_running(
    deployment: Deployment, record: RunRecord
) -> None:
    """Neither needs attention: a failed run that is being repeated, and one that later results have made up for."""
    failed = replace(QUIET, recorded=_failed(record))
    running = replace(failed, holder=Execution(name="batch-1", status="RUNNING"))
    later = replace(failed, complete=RecordedRun(run_id="20261120T130000Z-later", record=None, summary=None))
    assert attention(deployment, running, NOW) == attention(deployment, later, NOW) == []


def test_a_failed_execution_with_a_record_is_reported_once(deployment: Deployment, record: RunRecord) -> None:
    """The record of its run says more than the execution."""
    failed = Execution(name="update-1", arn=record.execution, status="FAILED", ended=NOW, reason="States.TaskFailed")
    (told,) = attention(deployment, replace(QUIET, recorded=_failed(record), failed=failed), NOW)
    assert "61 of 100 refused" in told.what


def test_an_execution_that_fails_after_a_successful_round_is_reported(
    deployment: Deployment, record: RunRecord
) -> None:
    """The record of the round before the failure does not say what has happened."""
    recorded = RecordedRun(run_id=RUN, record=record, summary=None)
    failed = Execution(name="update-1", arn=record.execution, status="ABORTED", ended=NOW, reason="by Ann")
    (told,) = attention(deployment, replace(QUIET, recorded=recorded, failed=failed), NOW)
    assert "The execution update-1 ended as ABORTED" in told.what


@pytest.fixture
def ended(deployment: Deployment, start: Callable[[str, Mode], str]) -> Callable[[str, str], None]:
    """Return a function that starts an execution and ends it with a status."""
    backend = stepfunctions_backends["123456789012"]["eu-west-1"]

    def end(name: str, status: str) -> None:
        arn = start(name, Mode.UPDATE)
        deployment.stepfunctions.stop_execution(executionArn=arn)
        backend.describe_execution(arn).status = status

    return end


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
def test_a_failure_without_a_record_is_found_behind_executions_that_joined(
    status: str, deployment: Deployment, start: Callable[[str, Mode], str], ended: Callable[[str, str], None]
) -> None:
    """Executions that wait, and those that leave their images to others and succeed, hide no failure."""
    ended("broken", status)
    ended("joined", "SUCCEEDED")
    for number in range(51):
        start(f"waits-{number}", Mode.UPDATE)
    found = situation_of(deployment).failed
    assert found
    assert (found.name, found.status) == ("broken", status)


def test_the_failure_that_ended_last_is_reported(deployment: Deployment, ended: Callable[[str, str], None]) -> None:
    """Failures of all kinds are compared."""
    for name, status in (("first", "TIMED_OUT"), ("second", "FAILED"), ("last", "ABORTED")):
        ended(name, status)
    found = situation_of(deployment).failed
    assert found
    assert found.name == "last"


def test_a_failure_without_a_record_is_over_after_a_later_run_has_succeeded(
    publish: Publish, record: RunRecord, deployment: Deployment, ended: Callable[[str, str], None]
) -> None:
    """A run that succeeds makes up for it, also without anything to publish; earlier runs and failed ones do not."""
    ended("broken", "ABORTED")
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    publish(RUN, record)
    assert situation_of(deployment).failed
    publish(RUN, replace(record, state="FAILED", finished_at=later))
    assert situation_of(deployment).failed
    publish(RUN, replace(record, finished_at=later))
    assert situation_of(deployment).failed is None


def test_a_failure_without_a_record_is_over_after_later_results(
    publish: Publish, summary: Summary, deployment: Deployment, ended: Callable[[str, str], None]
) -> None:
    """The run of the results makes up for it even if its own record is missing; earlier results do not."""
    ended("broken", "ABORTED")
    publish(RUN, summary=summary)
    assert situation_of(deployment).failed
    publish(RUN, summary=replace(summary, finished_at=(datetime.now(UTC) + timedelta(minutes=1)).isoformat()))
    assert situation_of(deployment).failed is None


def test_all_running_executions_are_listed(deployment: Deployment, start: Callable[[str, Mode], str]) -> None:
    """AWS answers with at most 100 executions at a time, and the holder of the lease may be the oldest of them."""
    started = [start(f"update-{number}", Mode.UPDATE) for number in range(101)]
    assert running_executions(deployment) == started[::-1]


def test_a_run_that_goes_well_needs_no_attention(deployment: Deployment, record: RunRecord) -> None:
    """Notices during a run need no attention."""
    situation = replace(
        QUIET,
        holder=Execution(name="batch-1", status="RUNNING"),
        notices=12,
        oldest_notice=NOW - timedelta(hours=1),
        recorded=RecordedRun(run_id=RUN, record=record, summary=None),
    )
    assert attention(deployment, situation, NOW) == []


def test_the_last_lines_of_the_log_are_shown_within_80_columns(
    publish: Publish,
    record: RunRecord,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The errors of a failed run are shown, no line but commands is wider than the terminal, and commands are whole."""
    monkeypatch.setattr("cli.cloud.words.WIDEST", 100)
    monkeypatch.setenv("COLUMNS", "80")
    ended = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    reason, times = "The storage failed: " + "many words " * 20, {"started_at": ended.isoformat()}
    publish(RUN, replace(record, state="FAILED", reason=reason, finished_at=ended.isoformat(), **times))
    stream = "applications/00application/jobs/00job/SPARK_DRIVER/stderr"
    deployment.logs.create_log_stream(logGroupName="jobs", logStreamName=stream)
    at = int(ended.timestamp() * 1000)
    texts = [
        f"{ended:%y/%m/%d %H:%M:%S} INFO SparkContext: noise",
        "fruits: The storage failed: s3://bucket/" + "long" * 10,
    ]
    deployment.logs.put_log_events(
        logGroupName="jobs", logStreamName=stream, logEvents=[{"timestamp": at, "message": text} for text in texts]
    )
    assert main(["status", "--env", "dev", "--exit-code"]) == 3
    out = capsys.readouterr().out
    assert f"  The last lines of its log:\n    {ended:%H:%M:%S} driver: fruits: The storage failed:" in out
    assert "noise" not in out
    assert f"  Type next:\n    fruits logs --run {RUN} --env dev\n    fruits start --mode update --env dev\n" in out
    assert max(len(line) for line in out.splitlines() if "fruits logs" not in line) <= 80


def test_a_run_without_a_log_says_so(publish: Publish, record: RunRecord, capsys: pytest.CaptureFixture[str]) -> None:
    """A job may fail before its program begins, for instance without permission to read the program."""
    publish(RUN, replace(record, state="FAILED", reason="61 of 100 refused"))
    assert main(["status", "--env", "dev"]) == 0
    assert "  It has left no log: " in capsys.readouterr().out


def test_a_log_that_can_t_be_read_hides_nothing_else(
    publish: Publish, record: RunRecord, before: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the permission to read logs, the status says so, and everything else."""
    publish(RUN, replace(record, state="FAILED", reason="61 of 100 refused"))
    before("FilterLogEvents", _deny("FilterLogEvents"))
    assert main(["status", "--env", "dev"]) == 0
    out = capsys.readouterr().out
    assert "61 of 100 refused." in out
    assert "The log can't be read: These credentials have no permission for FilterLogEvents" in out


def _deny(operation: str) -> Callable[[object], None]:
    def deny(_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, operation)

    return deny


@pytest.mark.usefixtures("deployment")
def test_what_may_not_be_asked_is_unknown(before: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """A user who may not ask for alarms sees the rest, and that they are unknown."""
    before("DescribeAlarms", _deny("DescribeAlarms"))
    told = _status(capsys)
    assert told["alarms"] == "unknown: these credentials have no permission to ask"
    assert told["last run"] == "none yet"


def test_alarms_and_their_receivers_are_asked_for(deployment: Deployment) -> None:
    """The status knows which alarms of this environment are raised, and whose subscription waits for confirmation."""
    cloudwatch, sns = deployment.client("cloudwatch"), deployment.client("sns")
    for name in ("fruits-dev-LongRun", "fruits-dev-DeadLetters", "fruits-prod-LongRun"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription="It took long.",
            Namespace="n",
            MetricName="m",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )
    for name in ("fruits-dev-LongRun", "fruits-prod-LongRun"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    (topic,) = sns.list_topics()["Topics"]
    sns.subscribe(TopicArn=topic["TopicArn"], Protocol="email", Endpoint="ann@example.org")
    situation = situation_of(deployment)
    assert situation.alarms
    assert [(alarm.name, alarm.meaning) for alarm in situation.alarms.raised] == [("LongRun", "It took long.")]
    assert situation.alarms.total == 2
    assert situation.receivers == Receivers(confirmed=("ann@example.org",))
    told = dict(facts(deployment, situation))
    assert told["alarms"] == "LongRun (of 2)"
    assert told["e-mail"] == "ann@example.org (confirmed)"
    pending = dict(facts(deployment, replace(situation, receivers=Receivers(pending=("ann@example.org",)))))
    assert pending["e-mail"] == "ann@example.org (NOT CONFIRMED: it gets no alarms)"


def test_an_unconfirmed_subscription_is_recognised(deployment: Deployment) -> None:
    """SNS lists a subscription that waits for its confirmation without an ARN."""
    (topic,) = [resource.physical_id for resource in deployment.resources if resource.kind == TOPIC]
    deployment.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.org")
    (subscription,) = sns_backends["123456789012"]["eu-west-1"].subscriptions.values()
    subscription.arn = UNCONFIRMED
    assert receivers_of(deployment) == Receivers(pending=("ann@example.org",))


def test_a_subscription_that_sns_has_forgotten_is_recognised(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SNS deletes a subscription that is not confirmed within two days; the stack still names it."""
    subscription = StackResource("Ann", SUBSCRIPTION, "pending confirmation")  # moto's stacks have none
    monkeypatch.setitem(vars(deployment), "resources", (*deployment.resources, subscription))
    assert receivers_of(deployment) == Receivers(is_forgotten=True)
    told = dict(facts(deployment, replace(QUIET, receivers=receivers_of(deployment))))
    assert told["e-mail"] == "alarms are not sent: SNS no longer has the subscription of this environment's address"
    (topic,) = [resource.physical_id for resource in deployment.resources if resource.kind == TOPIC]
    deployment.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.org")
    assert receivers_of(deployment) == Receivers(confirmed=("ann@example.org",))


def test_the_month_sums_up_what_record_run_has_reported(deployment: Deployment) -> None:
    """The costs of this month count, those of the month before and of other environments do not."""
    cloudwatch = deployment.client("cloudwatch")
    for namespace, cost, at in (
        ("Fruits/dev", 1.5, NOW - timedelta(days=10)),
        ("Fruits/dev", 0.25, NOW - timedelta(minutes=1)),
        ("Fruits/dev", 70.0, NOW - timedelta(days=25)),
        ("Fruits/prod", 30.0, NOW - timedelta(days=10)),
    ):
        dimensions = [{"Name": "service", "Value": "record_run"}]
        data = {"MetricName": "RunCostUSD", "Dimensions": dimensions, "Value": cost, "Timestamp": at}
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[data])
    assert month_of(deployment, NOW) == Month(name="November", spent_usd=1.75, budget_usd=20)


def test_the_deployed_version_is_that_of_the_outputs(deployment: Deployment) -> None:
    """The outputs of the stack name the revision of the code and the model."""
    outputs = {**deployment.outputs, "Revision": "0123456789ab", "Model": "imagenet 3f9c51a07b2e"}
    told = dict(facts(deployment, situation_of(replace(deployment, outputs=outputs))))
    assert told["version"] == "revision 0123456789ab, model imagenet 3f9c51a07b2e"


def test_links_lead_to_aws_only(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """On AWS, the status links to the dashboard; the console shows nothing of a local AWS."""
    outputs = {**deployment.outputs, "Dashboard": "fruits-dev"}
    deployed = replace(deployment, outputs=outputs)
    assert dict(facts(deployed, QUIET))["console"].endswith("#dashboards/dashboard/fruits-dev")
    local = replace(deployed, endpoint_url="http://127.0.0.1:5000")
    assert "console" not in dict(facts(local, QUIET))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    assert "console" not in dict(facts(replace(deployed, session=boto3.Session(region_name="eu-west-1")), QUIET))


def test_scripts_get_a_document(publish: Publish, record: RunRecord, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, the output is a JSON document with the same facts and what needs attention."""
    publish(RUN, replace(record, state="FAILED", reason="61 of 100 refused"))
    assert main(["status", "--env", "dev", "--json", "--exit-code"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["facts"]["environment"] == "dev, eu-west-1, bucket fruits-dev-data"
    assert "61 of 100 refused" in document["attention"][0]["what"]
    assert document["attention"][0]["commands"][0] == f"fruits logs --run {RUN} --env dev"


def test_watch_prints_what_changes_and_survives_a_lost_network(
    deployment: Deployment, before: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Outside of a terminal, the report is printed again when it changes; a look that fails says so."""
    looks = iter(range(4))

    def cut(_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3.example")

    def wait(_: float) -> None:
        look = next(looks)
        if look == 1:
            before("GetObject", cut)
        if look == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(deployment, wait)
    out = capsys.readouterr().out
    assert out.count("Nothing needs attention.") == 1
    assert out.count("AWS can't be asked at present: https://s3.example does not answer") == 1
