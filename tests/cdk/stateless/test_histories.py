"""The coordination in all histories of a few events and faults, and in random ones of more."""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from contract.coordination import KEY
from contract.runs import Mode, is_run_id
from tests.cdk.explorer import Plan, Watched, explore, wander
from tests.cdk.stepper import Execution
from tests.cdk.table import Table
from tests.cdk.world import World

SMALL = {
    "uploads": Plan(uploads=2),
    "an upload whose execution starts late": Plan(uploads=1, unstarted=1, lost=1),
    "an upload and a run by hand": Plan(uploads=1, asked=(Mode.REPROCESS,)),
    "an upload, and an update by hand without an answer": Plan(asked=(Mode.UPDATE,), uploads=1, lost=1),
    "a job that fails for good during a maintain": Plan(uploads=1, asked=(Mode.MAINTAIN,), final_failures=1),
    "a stopped execution that still seems to run": Plan(asked=(Mode.UPDATE, Mode.UPDATE), stops=1, stale=1),
    "a running holder that seems unknown": Plan(asked=(Mode.MAINTAIN, Mode.UPDATE), stale=1),
    "a lease that is taken over without an answer": Plan(asked=(Mode.UPDATE, Mode.UPDATE), stops=1, lost=1),
    "a stop and a redrive": Plan(uploads=1, stops=1, redrives=1, lost=1),
    "two attempts that fail": Plan(uploads=1, failures=2, lost=1),
    "two attempts of a reprocess that fail": Plan(uploads=1, asked=(Mode.REPROCESS,), failures=2),
    "two attempts of a maintain that fail": Plan(uploads=1, asked=(Mode.MAINTAIN,), failures=2),
    "two attempts of a reconcile that fail": Plan(asked=(Mode.RECONCILE,), failures=2, lost=1),
    "a reconcile that fails for good during an upload": Plan(uploads=1, asked=(Mode.RECONCILE,), final_failures=1),
    "jobs of two applications": Plan(asked=(Mode.UPDATE, Mode.UPDATE), stops=1, replacements=1),
}
"""Plans of which all histories are tried."""

LARGE = (
    Plan(uploads=3, asked=(Mode.REPROCESS, Mode.MAINTAIN), lost=2, unstarted=1),
    Plan(uploads=2, asked=(Mode.RECONCILE, Mode.MAINTAIN), lost=1, stale=2, stops=1, redrives=1, failures=2),
    Plan(uploads=4, failures=2, final_failures=1, lost=1),
    Plan(uploads=2, asked=(Mode.REPROCESS, Mode.UPDATE), stale=1, stops=1, redrives=1),
)
"""Plans of which random histories are tried."""


@pytest.mark.parametrize("plan", SMALL.values(), ids=SMALL)
def test_no_order_of_events_makes_two_writers_or_loses_a_notice(plan: Plan) -> None:
    """In every history, one job at a time may write, and an unprocessed notice has an execution or an alarm.

    No write whose answer gets lost leads to an alarm, and the next upload makes up for every accident.

    """
    assert explore(plan) > 10


@pytest.mark.parametrize("plan", LARGE)
def test_no_long_history_makes_two_writers_or_loses_a_notice(plan: Plan) -> None:
    """The same holds in random histories of many events and faults."""
    wander(plan, histories=20, seed=14)


def test_of_two_jobs_on_two_applications_only_the_new_holders_writes() -> None:
    """A job that is still being cancelled on a replaced application overlaps with the next one, and changes nothing.

    EMR Serverless lets a job wait only for jobs of the same application, so here only the fence protects.
    """
    world = Watched()
    world.upload_batch()
    first = world.ask_for(Mode.RECONCILE)
    _advance_to_its_job(world, first)
    world.begin_job()
    world.stop(first.name, job_goes_on=True)
    world.replace_application()
    second = world.ask_for(Mode.REPROCESS)
    world.take(*world.waiting_batches)
    _advance_to_its_job(world, second)
    world.begin_job()
    old, new = world.active_jobs
    assert [(job.state, world.may_write(job)) for job in (old, new)] == [("RUNNING", False), ("RUNNING", True)]
    old.read = world.inbox()
    world.end_job(old.token, good=True)
    assert (old.state, len(world.inbox())) == ("FAILED", 1)
    world.end_job(new.token, good=True)
    assert (new.state, world.inbox()) == ("SUCCESS", [])


def _advance_to_its_job(world: Watched, execution: Execution) -> None:
    while not world.job_waits(execution):
        world.advance(execution.name)


@pytest.fixture
def aws_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return moto's client of DynamoDB, with a table."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="coordination",
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


class Both(Table):
    """A table in memory, whose answers are compared with those of moto."""

    def __init__(self, other: Any) -> None:  # noqa: ANN401 -- boto3's client
        super().__init__()
        self.other = other
        self.refused = 0

    def copy(self) -> "Both":
        """Return the same table: the history has no branches."""
        return self

    def update_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Change the item in both tables."""
        there = self._answer(self.other.update_item, request)
        here = self._answer(super().update_item, request)
        assert here == there
        if here is None:
            self.refused += 1
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")
        return here

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Read the item in both tables."""
        here = super().get_item(**request)
        assert here.get("Item") == self.other.get_item(**request).get("Item")
        return here

    def put_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Write the item in both tables."""
        self.other.put_item(**request)
        return super().put_item(**request)

    def _answer(self, operation: Any, request: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401
        try:
            return {"Attributes": operation(**request)["Attributes"]}
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"  # noqa: PT017 -- not about pytest
            return None


def test_the_table_of_the_histories_answers_as_dynamodb_does(aws_table: Any) -> None:  # noqa: ANN401 -- boto3's client
    """Every write of the state machine and of the function has the same answer in moto's table."""
    table = Both(aws_table)
    wander(LARGE[1], histories=6, seed=3, first=lambda: Watched(dynamodb=table))
    assert table.refused > 10


def test_tokens_and_run_ids_are_unique() -> None:
    """A token has the length and the characters that AWS allows; each attempt and round has its own run id."""
    world = World()
    for mode in Mode:
        world.ask_for(mode)
    world.upload(1)
    world.settle(during_job=lambda: world.upload(1) if world.uploaded < 4 else None)
    assert len(world.jobs) > len(Mode)
    for job in world.jobs.values():
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", job.token)
        assert is_run_id(job.run_id)
    assert len({job.run_id for job in world.jobs.values()}) == len(world.jobs)
