"""Tests of the steps from a batch to the inbox, the generation and an execution."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from contract.coordination import COORDINATION, EXPIRES, GENERATION, KEY, PENDING, TAKEN_AT, TERM, batch_key
from contract.layout import REJECTED_NOTICES, notices_file
from contract.notices import Notice, NoticeType
from lambdas.start_run.events import Unusable
from lambdas.start_run.intake import Batch, batch_id_of, take_in
from tests.lambdas.start_run.cloud import Cloud, Moment, Step

NOTICES = [
    Notice(key="Apple Braeburn/é 桃.jpg", op=NoticeType.CREATED, etag="1", size=0, sequencer="0A"),
    Notice(key="Apple Braeburn/é 桃.jpg", op=NoticeType.CREATED, etag="2", size=5, sequencer="0B"),
    Notice(key="gone.jpg", op=NoticeType.REMOVED),
]
BATCH = Batch("20261120T121530Z-0123456789abcdef", NOTICES, [])
FILE = notices_file(BATCH.batch_id)
EXECUTION = f"update-{BATCH.batch_id}"


def test_a_batch_is_noted_counted_and_worked_on(cloud: Cloud) -> None:
    """A batch yields one file with all notices, adds 1 to the generation, and starts one execution of an update."""
    take_in(BATCH, cloud.intake)
    assert cloud.inbox() == {FILE: NOTICES}
    assert cloud.rejected() == {}
    assert cloud.generation() == 1
    assert cloud.executions() == [EXECUTION]
    told = json.loads(cloud.input_of(EXECUTION))
    assert told.keys() == {"mode", "not_before", "seen"}
    assert (told["mode"], told["seen"]) == ("update", "0")
    assert abs(datetime.fromisoformat(told["not_before"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert cloud.items()[COORDINATION] == {
        KEY: {"S": COORDINATION},
        GENERATION: {"N": "1"},
        PENDING: {"N": str(len(NOTICES))},
    }


@pytest.mark.parametrize(("minutes_ago", "wait"), [(1, 14), (14.5, 0.5), (60, 0)])
def test_an_update_starts_after_the_notices_have_gathered(cloud: Cloud, minutes_ago: float, wait: float) -> None:
    """It waits until the time for gathering has passed since the last run began, and names the lease of that run."""
    began = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    taken_at = f"{began:%Y-%m-%dT%H:%M:%S}.123Z"
    item = {KEY: {"S": COORDINATION}, TERM: {"N": "7"}, TAKEN_AT: {"S": taken_at}}
    cloud.intake.dynamodb.put_item(TableName=cloud.intake.table, Item=item)
    take_in(BATCH, cloud.intake)
    told = json.loads(cloud.input_of(EXECUTION))
    assert told["seen"] == "7"
    due = datetime.now(UTC) + timedelta(minutes=wait)
    assert abs(datetime.fromisoformat(told["not_before"]) - due) < timedelta(minutes=0.3)


def test_a_batch_that_was_counted_but_has_no_execution_gets_one(cloud: Cloud) -> None:
    """The next delivery starts it, with the lease of that moment."""
    with cloud.accident(Step.START, Moment.BEFORE), pytest.raises(ClientError):
        take_in(BATCH, cloud.intake)
    cloud.intake.dynamodb.update_item(
        TableName=cloud.intake.table,
        Key={KEY: {"S": COORDINATION}},
        UpdateExpression=f"ADD {TERM} :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    take_in(BATCH, cloud.intake)
    assert json.loads(cloud.input_of(EXECUTION))["seen"] == "1"
    assert cloud.generation() == 1


def test_each_batch_is_counted_and_has_an_execution(cloud: Cloud) -> None:
    """Every batch has its own file and execution and adds 1 to the generation, which a running execution sees."""
    batches = [Batch(f"2026112{number}T121530Z-0", NOTICES, []) for number in range(3)]
    for batch in batches:
        take_in(batch, cloud.intake)
    assert cloud.inbox() == {notices_file(batch.batch_id): NOTICES for batch in batches}
    assert cloud.generation() == 3
    assert cloud.executions() == [f"update-{batch.batch_id}" for batch in batches]


def test_everything_is_done_in_the_order_that_loses_nothing(cloud: Cloud) -> None:
    """The file is written before the generation grows, then the batch is recorded, then the execution starts."""
    seen = []

    def look(event_name: str, **_: object) -> None:
        seen.append((Step(event_name.partition(".")[2]), list(cloud.inbox()), cloud.generation(), cloud.executions()))

    events = {"s3": cloud.intake.s3, "dynamodb": cloud.intake.dynamodb, "sfn": cloud.intake.stepfunctions}
    steps = [Step.WRITE, Step.COUNT, Step.REMEMBER, Step.START]
    for step in steps:
        events[step.partition(".")[0]].meta.events.register(f"before-call.{step}", look)
    take_in(BATCH, cloud.intake)
    assert seen == list(zip(steps, [[], [FILE], [FILE], [FILE]], [0, 0, 1, 1], [[]] * 4, strict=True))


def test_a_batch_that_comes_again_changes_nothing(cloud: Cloud) -> None:
    """A redelivery changes nothing, also after a run has deleted the file of the batch and has ended."""
    take_in(BATCH, cloud.intake)
    take_in(BATCH, cloud.intake)
    assert cloud.inbox() == {FILE: NOTICES}
    assert cloud.work() == NOTICES
    take_in(BATCH, cloud.intake)
    assert cloud.inbox() == {}
    assert cloud.generation() == 1
    assert cloud.executions() == [EXECUTION]


def test_a_batch_is_remembered_for_longer_than_a_queue_keeps_it(cloud: Cloud) -> None:
    """The item of a batch expires later than its messages; the coordination item never expires."""
    take_in(BATCH, cloud.intake)
    items = cloud.items()
    assert set(items) == {COORDINATION, batch_key(BATCH.batch_id)}
    assert EXPIRES not in items[COORDINATION]
    expires = datetime.fromtimestamp(int(items[batch_key(BATCH.batch_id)][EXPIRES]["N"]), UTC)
    assert timedelta(days=14) < expires - datetime.now(UTC) < timedelta(days=30)


UNUSABLE = [Unusable("a//b.jpg", "empty"), Unusable("é\n\ud800", "no text")]
EXPLANATIONS = [
    {"line": 1, "reason": "empty", "notice": "a//b.jpg"},
    {"line": 2, "reason": "no text", "notice": "é\n\ud800"},
]


def test_unusable_names_are_written_and_start_nothing(cloud: Cloud) -> None:
    """Images with unusable names are written to a file of rejected lines, with the reasons, and start nothing."""
    take_in(Batch(BATCH.batch_id, [], UNUSABLE), cloud.intake)
    assert cloud.rejected() == {f"{REJECTED_NOTICES}{BATCH.batch_id}.jsonl": EXPLANATIONS}
    assert cloud.inbox() == {}
    assert cloud.items() == {}
    assert cloud.executions() == []


def test_unusable_names_hold_up_no_other(cloud: Cloud) -> None:
    """Notices in the same batch are processed as usual, and a redelivery does not repeat the rejected lines."""
    for _ in range(2):
        take_in(Batch(BATCH.batch_id, NOTICES, UNUSABLE), cloud.intake)
    assert cloud.rejected() == {f"{REJECTED_NOTICES}{BATCH.batch_id}.jsonl": EXPLANATIONS}
    assert cloud.inbox() == {FILE: NOTICES}
    assert cloud.generation() == 1
    assert cloud.executions() == [EXECUTION]


# After these failures, the batch is counted but not recorded, so that it is counted again: a needless round.
COUNTED_AGAIN = {(Step.COUNT, Moment.AFTER), (Step.REMEMBER, Moment.BEFORE)}
ACCIDENTS = st.tuples(st.sampled_from(Step), st.sampled_from(Moment), st.booleans())


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(accidents=st.lists(ACCIDENTS, min_size=1, max_size=5), unusable=st.booleans())
@example(accidents=[(step, moment, False) for step in Step for moment in Moment], unusable=True)
@example(accidents=[(Step.COUNT, Moment.AFTER, True), (Step.START, Moment.BEFORE, True)], unusable=False)
def test_a_batch_is_taken_in_once_after_any_failures(
    cloud: Cloud, accidents: list[tuple[Step, Moment, bool]], *, unusable: bool
) -> None:
    """Every failure raises an error, and in the end nothing is lost or done twice.

    Any request may be rejected, or be carried out while its answer gets lost, any number of times. Runs that other
    executions have started may process the inbox in between.

    """
    world = cloud.another()
    batch = Batch(BATCH.batch_id, NOTICES, UNUSABLE if unusable else [])
    again = 0
    worked_through: list[Notice] = []
    for step, moment, runs in accidents:
        with world.accident(step, moment) as accident:
            try:
                take_in(batch, world.intake)
            except (ClientError, BotoCoreError):
                assert accident.happened
                again += (step, moment) in COUNTED_AGAIN
            else:
                assert not accident.happened
        if runs:
            worked_through += world.work()
    take_in(batch, world.intake)
    left = world.inbox()
    assert left in ({}, {FILE: NOTICES})
    assert {*worked_through, *left.get(FILE, [])} == {*NOTICES}
    assert world.generation() == 1 + again
    assert world.executions() == [EXECUTION]
    assert len(world.rejected()) == unusable


def test_an_error_of_the_start_is_raised(cloud: Cloud) -> None:
    """Every error of the start is raised, except for the one that the execution exists."""
    gone = replace(cloud.intake, state_machine=f"{cloud.intake.state_machine}-gone")
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        take_in(BATCH, gone)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- Hypothesis rejects aware limits
MESSAGES = st.lists(
    st.tuples(st.uuids().map(str), MOMENTS), min_size=1, max_size=5, unique_by=lambda message: message[0]
)


@given(MESSAGES, st.randoms())
def test_a_batch_is_named_after_its_messages_in_any_order(messages: list[tuple[str, datetime]], random: Random) -> None:
    """The same messages yield the same id in any order, other messages another id; every id can name an execution."""
    name = batch_id_of(messages)
    shuffled = [*messages]
    random.shuffle(shuffled)
    assert batch_id_of(shuffled) == name
    for another in ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
        assert batch_id_of([*messages, (another, messages[0][1])]) != name
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", f"update-{name}")


@given(MESSAGES, MESSAGES)
def test_names_of_batches_sort_by_time(some: list[tuple[str, datetime]], others: list[tuple[str, datetime]]) -> None:
    """Ids sort by the second of the last message in any time zone, so that a run reads notices in their order."""
    seconds = [max(sent for _, sent in messages).replace(microsecond=0) for messages in (some, others)]
    elsewhere = [(name, sent.astimezone(timezone(timedelta(hours=14)))) for name, sent in others]
    if seconds[0] < seconds[1]:
        assert batch_id_of(some) < batch_id_of(elsewhere)
    if seconds[0] > seconds[1]:
        assert batch_id_of(some) > batch_id_of(elsewhere)
