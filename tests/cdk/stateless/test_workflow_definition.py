"""Tests of the coordination: the real handler, table and state machine, with events in any order."""

import argparse
import json
from typing import Any

import pytest

from cdk.stateless import workflow_definition
from contract.coordination import HOLDER, WAITING
from contract.runs import Mode
from contract.states import State
from spark_app.arguments import add_arguments, settings_from
from tests.cdk.stepper import STATE_MACHINE, Execution
from tests.cdk.world import ATTEMPTS, Job, World


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
    return [job for job in world.jobs.values() if job.execution == execution.name][-1]


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
    assert [job.execution for job in world.jobs.values()] == [update.name, update.name]
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
            _step_until(world, world.running[-1], "Joined")

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
    world.dynamodb.delete_item(TableName="coordination", Key={"id": {"S": "coordination"}})
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
