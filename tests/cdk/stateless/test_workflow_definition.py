"""Tests of the coordination: the real handler, table and state machine, with events in any order."""

import argparse
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moto import mock_aws

from cdk.stateless import workflow_definition
from contract.coordination import HOLDER, WAITING
from contract.runs import Mode, is_run_id
from contract.states import State
from spark_app.main import add_arguments, settings_from
from tests.cdk.stepper import STATE_MACHINE, Execution
from tests.cdk.world import ATTEMPTS, Job, World

EXECUTIONS = st.integers(0, 4)
STEPS = ("put_object", "get_item", "update_item", "put_item", "start_execution")
REFUSALS = st.one_of(st.none(), st.none(), st.sampled_from(STEPS))


@pytest.fixture(autouse=True)
def aws_of_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replace AWS by moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield


class Coordination(RuleBasedStateMachine):
    """Uploads, deliveries, executions, job runs and accidents in any order.

    At most one job run is wanted at a time, every notice is processed in the end, and there is no endless loop.

    """

    @initialize(calm=st.booleans())
    def begin(self, *, calm: bool) -> None:
        """Begin with an empty world. In a calm one, no execution is aborted and no job run fails."""
        self.world = World()
        self.calm = calm
        self.accident = False

    @rule(count=st.integers(1, 2), refusing=REFUSALS, again=st.sampled_from([False, False, True]))
    def upload(self, count: int, refusing: str | None, *, again: bool) -> None:
        """Put images in the bucket, and hand over messages; maybe twice, and maybe AWS refuses in the middle."""
        self.world.upload(count)
        self.world.deliver(5, again=again, refusing=refusing)

    @precondition(lambda self: self.world.running)
    @rule(which=EXECUTIONS, states=st.sampled_from([14, 8, 5, 3, 2, 1]))
    def step(self, which: int, states: int) -> None:
        """Execute some states of an execution, usually of a recent one."""
        execution = self.world.running[-1 - which % len(self.world.running)]
        for _ in range(states):
            if execution.status == "RUNNING":
                self.world.stepper.step(execution)

    @precondition(lambda self: self.world.active_jobs)
    @rule(good=st.sampled_from([True, True, True, False]), ends=st.booleans())
    def job(self, *, good: bool, ends: bool) -> None:
        """Let a job run begin, and perhaps end."""
        self.world.begin_job()
        if ends:
            self.accident |= not (good or self.calm)
            self.world.end_job(good=good or self.calm)

    @precondition(lambda self: len(self.world.running) < 5)
    @rule(mode=st.sampled_from(list(Mode)))
    def ask(self, mode: Mode) -> None:
        """Start an execution as a user or a schedule does."""
        self.world.ask_for(mode)

    @precondition(lambda self: self.world.running and not self.calm)
    @rule(which=EXECUTIONS, job_goes_on=st.booleans())
    def abort(self, which: int, *, job_goes_on: bool) -> None:
        """Stop an execution as a user does; the cancellation of its job run may take time."""
        self.accident = True
        self.world.abort(self.world.running[which % len(self.world.running)], job_goes_on=job_goes_on)

    @precondition(lambda self: any(job.cancelling for job in self.world.active_jobs))
    @rule()
    def cancelled(self) -> None:
        """Complete a cancellation."""
        self.world.cancel_late()

    @invariant()
    def one_job_at_a_time(self) -> None:
        """At most one job run that was not cancelled is active, and its execution holds the lease."""
        wanted = [job for job in self.world.active_jobs if not job.cancelling]
        assert len(wanted) <= 1
        assert len([job for job in self.world.active_jobs if job.state == "RUNNING"]) <= 1
        for job in wanted:
            assert self.world.item()[HOLDER]["S"] == job.execution.arn

    @rule()
    def rest(self) -> None:
        """Let everything come to an end. After an accident, the next upload processes what is left."""
        world = self.world
        world.settle()
        if self.accident:
            world.upload(1)
            world.settle()
        assert len(world.processed) == world.uploaded
        assert world.inbox() == []
        assert not {HOLDER, WAITING} & world.item().keys()
        self.accident = False

    def teardown(self) -> None:
        """Come to an end, and check the tokens and run ids."""
        if not hasattr(self, "world"):
            return
        self.rest()
        for job in self.world.jobs.values():
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", job.token)
            assert is_run_id(job.run_id)
        assert len({job.run_id for job in self.world.jobs.values()}) == len(self.world.jobs)
        assert not self.calm or {execution.status for execution in self.world.executions.values()} <= {"SUCCEEDED"}


def test_no_order_of_events_makes_two_jobs_or_loses_a_notice() -> None:
    """In any order of events, there is one job run at a time, and every notice is processed."""
    run_state_machine_as_test(
        Coordination,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )


@pytest.fixture
def world() -> World:
    """Return a world in which nothing has happened yet."""
    return World()


def _step_until(world: World, execution: Execution, state: str) -> None:
    for _ in range(50):
        if execution.state == state:
            return
        world.stepper.step(execution)
    raise AssertionError(f"{execution.name} is in {execution.state}, not in {state}")


def _job_of(world: World, execution: Execution) -> Job:
    """Execute an execution up to its running job run."""
    _step_until(world, execution, "RunJob")
    world.stepper.step(execution)
    world.begin_job()
    return [job for job in world.jobs.values() if job.execution is execution][-1]


def _update_under_way(world: World) -> Execution:
    """Upload an image, and execute its update up to the running job run."""
    world.upload(1)
    world.deliver(1)
    (update,) = world.running
    _job_of(world, update)
    return update


def test_the_states_are_those_of_the_contract(world: World) -> None:
    """The definition has exactly the states that readers of a history know by their names."""
    assert list(world.stepper.definition["States"]) == list(State)


def test_a_hundred_thousand_uploads_in_bursts_are_three_jobs_at_most(world: World) -> None:
    """Three bursts of uploads, each during the job run of the one before, lead to three job runs at most."""
    world.upload(40_000)
    bursts = iter([40_000, 20_000])
    world.settle(during_job=lambda: world.upload(next(bursts, 0)))
    assert len(world.processed) == 100_000
    assert len(world.jobs) <= 3
    assert len(world.executions) == 10


def test_notices_of_an_execution_that_joins_another_are_processed(world: World) -> None:
    """The notices of an execution that has joined another one are processed in the next round of that one."""
    update = _update_under_way(world)
    world.upload(1)
    world.deliver(1)
    _step_until(world, world.running[1], "Joined")
    world.settle()
    assert [job.execution for job in world.jobs.values()] == [update, update]
    assert len(world.processed) == 2


def test_a_batch_that_is_delivered_again_starts_nothing(world: World) -> None:
    """A redelivery starts nothing, neither during the run of the batch nor after it."""
    world.upload(3)
    world.deliver(3, again=True)
    (execution,) = world.running
    _job_of(world, execution)
    world.messages.reverse()
    world.deliver(3, again=True)
    world.settle()
    assert len(world.jobs) == 1
    assert len(world.executions) == 1
    assert world.inbox() == []


def test_a_waiting_execution_gets_the_lease_while_uploads_never_end(world: World) -> None:
    """A reprocess that waits for an update gets the lease next, though notices come during every job run."""
    update = _update_under_way(world)
    reprocess = world.ask_for(Mode.REPROCESS)
    _step_until(world, reprocess, "WaitForTurn")
    world.upload(1)
    world.deliver(1)
    world.end_job(good=True)
    _step_until(world, update, "Done")
    assert world.item()[HOLDER]["S"] == reprocess.arn
    assert _job_of(world, reprocess).mode == Mode.REPROCESS
    world.end_job(good=True)
    _step_until(world, reprocess, "Done")
    assert len(world.processed) == 2


def test_an_execution_that_stopped_waiting_does_not_get_the_lease(world: World) -> None:
    """An execution that was stopped while it waited does not get the lease, and all notices are processed."""
    _update_under_way(world)
    reprocess = world.ask_for(Mode.REPROCESS)
    _step_until(world, reprocess, "WaitForTurn")
    world.abort(reprocess, job_goes_on=False)
    world.upload(1)
    world.deliver(1)
    _step_until(world, world.running[-1], "Joined")
    world.settle()
    assert len(world.processed) == 2
    assert not {HOLDER, WAITING} & world.item().keys()


def test_the_round_after_a_reprocess_is_an_update(world: World) -> None:
    """Notices that come during a reprocess lead to a round in the mode `update`."""
    reprocess = world.ask_for(Mode.REPROCESS)
    _job_of(world, reprocess)
    world.upload(1)
    world.deliver(1)
    _step_until(world, world.running[-1], "Joined")
    world.settle()
    assert [job.mode for job in world.jobs.values()] == [Mode.REPROCESS, Mode.UPDATE]


def test_notices_that_come_during_maintain_are_processed(world: World) -> None:
    """Notices of an update that joins a `maintain` run are processed after it."""
    maintain = world.ask_for(Mode.MAINTAIN)
    world.upload(1)
    world.deliver(1, refusing="start_execution")
    _job_of(world, maintain)
    world.settle()
    assert [job.mode for job in world.jobs.values()] == [Mode.MAINTAIN, Mode.UPDATE]
    assert len(world.processed) == 1


def test_a_killed_job_is_tried_again_and_a_failing_one_raises_the_alarm(world: World) -> None:
    """Each attempt has its own run id; after the last one, the execution fails and the notices stay."""
    world.upload(1)
    world.deliver(1)
    (execution,) = world.running
    for _ in range(ATTEMPTS):
        _job_of(world, execution)
        world.end_job(good=False)
        world.stepper.step(execution)
    _step_until(world, execution, "Failed")
    world.settle()
    assert execution.status == "FAILED"
    assert len({job.run_id for job in world.jobs.values()}) == ATTEMPTS
    assert HOLDER not in world.item()
    assert len(world.inbox()) == 1
    world.upload(1)
    world.settle()
    assert len(world.processed) == 2


def test_notices_that_came_during_a_failing_run_get_a_run_of_their_own(world: World) -> None:
    """A successor processes the notices whose executions have joined a run that failed."""
    execution = _update_under_way(world)
    world.upload(1)
    world.deliver(1)
    _step_until(world, world.running[1], "Joined")
    world.end_job(good=False)
    world.stepper.step(execution)
    _job_of(world, execution)
    world.end_job(good=False)
    world.settle()
    assert execution.status == "FAILED"
    assert len(world.processed) == 2


def test_after_many_rounds_another_execution_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the maximum of rounds, an execution starts a successor, and no notice is lost."""
    monkeypatch.setattr(workflow_definition, "MAX_ROUNDS", 3)
    world = World()
    world.upload(1)
    left = iter(range(7))

    def another() -> None:
        if next(left, None) is not None:
            world.upload(1)
            world.deliver(1)

    world.settle(during_job=another)
    assert len(world.processed) == world.uploaded == 8
    assert max(execution.visited.count("PlanRound") for execution in world.executions.values()) == 3
    assert sum(name.startswith("successor-") for name in world.executions) == 2


def test_a_lease_of_a_deleted_execution_is_taken_over(world: World) -> None:
    """A lease is taken over from a holder that AWS has deleted, which happens 90 days after its end."""
    gone = world.ask_for(Mode.RECONCILE)
    _job_of(world, gone)
    world.abort(gone, job_goes_on=False)
    del world.executions[gone.name]
    world.upload(1)
    world.settle()
    assert len(world.processed) == 1


@pytest.mark.parametrize(
    ("asked", "end"),
    [({}, "Done"), ({"mode": "update"}, "Done"), ({"mode": "all"}, "UnknownMode"), ({"mode": 1}, "UnknownMode")],
)
def test_the_input_of_an_execution_is_checked(world: World, asked: dict[str, object], end: str) -> None:
    """An input without a mode means an update; an unknown mode fails at once, without the lease."""
    world.start_execution(STATE_MACHINE, "by-hand", json.dumps(asked))
    world.settle()
    assert world.executions["by-hand"].state == end
    assert all(job.mode == Mode.UPDATE for job in world.jobs.values())
    assert HOLDER not in world.item()


def test_an_execution_that_loses_its_lease_fails(world: World) -> None:
    """If the item is deleted during a run, the execution fails and does not release another lease."""
    execution = world.ask_for(Mode.UPDATE)
    _job_of(world, execution)
    world.dynamodb.delete_item(TableName=world.table, Key={"id": {"S": "coordination"}})
    world.end_job(good=True)
    world.settle()
    assert execution.state == "LeaseLost"


def test_the_application_parses_the_arguments_of_a_job_run(world: World) -> None:
    """The parser of the application accepts the arguments of a job run."""
    execution = world.ask_for(Mode.RECONCILE)
    _step_until(world, execution, "RunJob")
    sent: list[list[str]] = []

    def keep(execution: Execution, resource: str, parameters: Any) -> None:  # noqa: ANN401, ARG001 -- the signature of a task
        sent.append(parameters["JobDriver"]["SparkSubmit"]["EntryPointArguments"])

    world.stepper.task = keep
    world.stepper.step(execution)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run = settings_from(parser.parse_args(sent[0]))
    assert (run.mode, run.images, run.output) == (Mode.RECONCILE, "s3://bucket/images", "s3://bucket")
    assert run.run_id == execution.data["run_id"]
