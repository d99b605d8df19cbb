"""Tries all histories of a few executions, uploads and faults, and checks what must hold in each of them.

States that differ in no respect are looked at once. What an execution computes without the services (Pass, Choice) is
one step with the call before it, because no other execution can see what lies between.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from contract.coordination import HOLDER, PROCESSED, RUN, TERM, WAITING
from contract.layout import FENCE, notices_file
from contract.notices import Notice, NoticeType
from contract.runs import Mode
from contract.states import State
from contract.workflow import Field
from lambdas.start_run.intake import Batch, take_in
from tests.cdk import stepper
from tests.cdk.stepper import Execution, Json, TaskError
from tests.cdk.table import Item
from tests.cdk.world import World

WRITES = frozenset({"dynamodb:updateItem", "states:startExecution", "aws-sdk:s3:putObject"})

SOME_TIME = "2026-11-20T12:15:30Z"
"""The only time of a history: nothing may depend on how long something takes."""


@dataclass(frozen=True)
class Plan:
    """What happens in the histories, and how often at most.

    Attributes
    ----------
    uploads
        Number of batches of notices.
    asked
        Runs that a user or a schedule starts.
    unstarted
        Batches that are counted, but whose execution the function can't start before the next delivery.
    lost
        Writes that AWS carries out without an answer, so that they are sent again.
    stale
        Descriptions of executions that are out of date: one that has ended still runs, or one that runs is unknown.
    stops, redrives
        Executions that a user stops, and lets continue.
    replacements
        Deployments that replace the application: jobs of two applications may run at the same time.
    failures, final_failures
        Jobs that fail, and those of them which no other attempt can mend.
    """

    uploads: int = 0
    asked: tuple[Mode, ...] = ()
    unstarted: int = 0
    lost: int = 0
    stale: int = 0
    stops: int = 0
    redrives: int = 0
    replacements: int = 0
    failures: int = 0
    final_failures: int = 0

    @property
    def is_calm(self) -> bool:
        """Whether nothing happens that is worth an alarm: AWS may lose answers, and be late in a harmless way."""
        return not (self.stale or self.stops or self.failures or self.final_failures)


@dataclass
class Watched(World):
    """A world whose next call can go wrong, and which keeps account of what may be expected of it."""

    fault: str | None = None
    waiting_batches: list[str] = field(default_factory=list)
    """Batches that the queue has not delivered successfully."""
    counted: tuple[str, ...] = ()
    """Batches in the order of their generations."""
    excused: frozenset[str] = frozenset()
    """Notice files of which an alarm tells."""
    deposed: frozenset[str] = frozenset()
    """Executions whose lease another one has taken over."""
    doubts: tuple[str, ...] = ()
    """Executions that got a description which is out of date, once for each."""
    seen_running: frozenset[tuple[str, str]] = frozenset()
    """Pairs of an execution, and of another one that it has truly found running."""

    def copy(self) -> "Watched":
        """Return a world in the same state, which goes its own way."""
        return Watched(
            executions={name: execution.copy() for name, execution in self.executions.items()},
            jobs={token: copy.copy(job) for token, job in self.jobs.items()},
            s3=self.s3.copy(),
            dynamodb=self.dynamodb.copy(),
            uploaded=self.uploaded,
            definition=self.definition,
            applications=self.applications.copy(),
            application=self.application,
            waiting_batches=[*self.waiting_batches],
            counted=self.counted,
            excused=self.excused,
            deposed=self.deposed,
            doubts=self.doubts,
            seen_running=self.seen_running,
        )

    def key(self) -> str:
        """Describe everything on which the future depends."""
        alive = [one for one in self.executions.values() if one.status in {"RUNNING", "ABORTED"}]
        names = {one.name for one in alive}
        executions = [(one.name, one.state, one.status, one.retries, one.data) for one in alive]
        ended = [(one.name, one.status) for one in self.executions.values() if one.name not in names]
        jobs = [
            (job.run_id, job.state, job.read, job.cancelling, job.final, job.application)
            for job in self.jobs.values()
            if job.execution in names
        ]
        inbox = self.inbox()
        rest = (
            *(self.waiting_batches, self.counted, sorted(self.excused.intersection(inbox))),
            *(sorted(self.deposed & names), sorted(one for one in self.doubts if one in names)),
            sorted(pair for pair in self.seen_running if pair[0] in names),
            *(self.application, sorted((name, self.applications[name]) for name in names)),
        )
        return json.dumps([executions, ended, jobs, self.item(), inbox, self.s3.objects.get(FENCE, b"").decode(), rest])

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002 -- boto3's names
        """Start an execution, with a time that is the same in all histories."""
        if self.fault == "unstarted":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "later"}}, "StartExecution")
        data = json.loads(input)
        if Field.NOT_BEFORE in data:
            data[Field.NOT_BEFORE] = SOME_TIME
        super().start_execution(stateMachineArn, name, json.dumps(data))

    def upload_batch(self) -> None:
        """Let the queue hold another batch."""
        self.waiting_batches.append(_batch(self.uploaded))
        self.uploaded += 1

    def take(self, batch_id: str, fault: str | None = None) -> None:
        """Deliver a batch to the function, which may fail to start the execution."""
        self.fault = fault
        notices = [Notice(key=f"Apple/{batch_id}.jpg", op=NoticeType.REMOVED)]
        try:
            take_in(Batch(batch_id, notices, []), self.intake)
        except ClientError:
            self.fault = None
        else:
            self.waiting_batches.remove(batch_id)
        if batch_id not in self.counted:
            self.counted += (batch_id,)

    def advance(self, name: str, fault: str | None = None) -> None:
        """Execute the present state of an execution, then those that call no service and do not wait."""
        execution, self.fault = self.executions[name], fault
        states = self.stepper.definition["States"]
        while True:
            with patch.dict(stepper.FUNCTIONS, {"States.UUID": lambda: _id_of(execution)}):
                self.stepper.step(execution)
            execution.entered, execution.visited = 0, []
            if execution.status != "RUNNING":
                self._judge_end(execution)
            if execution.status != "RUNNING" or states[execution.state]["Type"] in {"Task", "Wait"}:
                self.fault = None
                return

    def _judge_end(self, execution: Execution) -> None:
        holder = self.item().get(HOLDER, {}).get("S", "").rpartition(":")[2]
        match execution.state:
            case State.JOINED:
                knew = (execution.name, holder) in self.seen_running or self.doubts.count(execution.name) > 1
                assert knew or not holder or self.executions[holder].status == "RUNNING", "it joins an ended execution"
            case State.LEASE_LOST:
                assert execution.name in self.deposed, "its lease was not taken over: this is a false alarm"
            case State.FAILED:
                if execution.data[Field.MODE] == Mode.UPDATE:
                    self.excused |= {*self.inbox()}
            case state:
                assert state == State.DONE, f"an execution ends in {state}"
                assert execution.name not in self.deposed, "it does not notice that its lease was taken over"

    def replace_application(self) -> None:
        """Let a deployment replace the application. Executions that have begun keep the earlier one."""
        self.application += 1

    def stop(self, name: str, *, job_goes_on: bool) -> None:
        """Stop an execution as a user does, which raises an alarm."""
        self.abort(self.executions[name], job_goes_on=job_goes_on)
        self.excused |= {*self.inbox()}

    def _task(self, execution: Execution, resource: str, parameters: Json) -> Json:
        service, fault = resource.removeprefix("arn:aws:states:::"), self.fault
        self.fault = None
        holder = self.item().get(HOLDER, {}).get("S", "").rpartition(":")[2]
        if service == "aws-sdk:sfn:describeExecution" and fault == "stale":
            self.doubts += (execution.name,)
            found = super()._task(execution, resource, parameters)
            if found["Status"] != "RUNNING":
                return {"Status": "RUNNING"}
            execution.retries = 99
            raise TaskError("Sfn.ExecutionDoesNotExistException")
        before = self.item()
        result = super()._task(execution, resource, parameters)
        if service == "aws-sdk:sfn:describeExecution" and result["Status"] == "RUNNING":
            self.seen_running |= {(execution.name, parameters["ExecutionArn"].rpartition(":")[2])}
        if execution.state in {State.ACQUIRE, State.TAKE_OVER}:
            self.deposed -= {execution.name}
        if execution.state == State.TAKE_OVER:
            self.deposed |= {holder}
        self._check_call(execution, before)
        if fault == "lost" and service in WRITES:
            raise TaskError("DynamoDB.InternalServerError")
        return result

    def _check_call(self, execution: Execution, before: Item) -> None:
        """Check what a call of an execution has changed in the item."""
        counters = [int(item.get(PROCESSED, {"N": "0"})["N"]) for item in (before, self.item())]
        assert counters == sorted(counters), "fewer notices count as processed than before"
        files = {notices_file(batch_id) for batch_id in self.counted[: counters[-1]]}
        assert not files & {*self.inbox()}, "a notice counts as processed, and is not"
        if execution.state == State.ACQUIRE and HOLDER not in before and TERM in before:
            assert int(before[TERM]["N"]) <= int(execution.data[Field.SEEN]), "a needless update takes the lease"
        if execution.state == State.WRITE_FENCE and execution.name not in self.deposed:
            assert before[RUN]["S"] == execution.data[Field.RUN_ID], "it does not confirm its lease"

    def check_writers(self) -> None:
        """Check that at most one job may write, even while others are still being cancelled."""
        assert sum(map(self.may_write, self.active_jobs)) <= 1, "two jobs may write"

    def job_waits(self, execution: Execution) -> bool:
        """Whether the execution waits for a job that has not ended."""
        return any(job.run_id == execution.data.get(Field.RUN_ID) for job in self.active_jobs) and (
            execution.state == State.RUN_JOB
        )


def _id_of(execution: Execution) -> str:
    text = json.dumps([execution.name, execution.data[Field.ROUND], execution.data[Field.ATTEMPT]])
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


def _batch(number: int) -> str:
    return f"20261120T121530Z-{number}"


Step = tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """A state of the world, what may still happen in it, and how it came about."""

    world: Watched
    plan: Plan
    path: Any = None

    def key(self) -> str:
        """Describe everything on which the future depends."""
        return f"{self.plan}{self.world.key()}"

    def steps(self) -> Iterator[Step]:
        """List what can happen next."""
        world, plan = self.world, self.plan
        if plan.uploads:
            yield ("upload",)
        for batch in world.waiting_batches:
            yield ("deliver", batch)
            if plan.unstarted:
                yield ("unstarted", batch)
        for mode in plan.asked:
            yield ("ask", mode)
        for execution in world.running:
            yield from self._steps_of(execution)
        for execution in world.executions.values():
            if plan.redrives and execution.status == "ABORTED":
                yield ("redrive", execution.name)
        if plan.replacements:
            yield ("replace the application",)
        yield from self._job_steps()

    def _steps_of(self, execution: Execution) -> Iterator[Step]:
        if not self.world.job_waits(execution):
            yield ("advance", execution.name)
            resource = self.world.stepper.definition["States"][execution.state].get("Resource", "")
            if self.plan.lost and resource.removeprefix("arn:aws:states:::") in WRITES:
                yield ("lost", execution.name)
            if self.plan.stale and resource.endswith("describeExecution"):
                yield ("stale", execution.name)
        if self.plan.stops:
            yield ("stop", execution.name)
            if self.world.job_waits(execution):
                yield ("stop, but the job goes on", execution.name)

    def _job_steps(self) -> Iterator[Step]:
        for job in self.world.first_jobs:
            if job.state == "QUEUED":
                yield ("job begins", job.token)
                continue
            yield ("job succeeds", job.token)
            if self.plan.failures:
                yield ("job fails", job.token)
            if self.plan.final_failures:
                yield ("job fails for good", job.token)
        if any(job.cancelling for job in self.world.active_jobs):
            yield ("job is cancelled",)

    def after(self, step: Step) -> "Node":
        """Return the state after a step."""
        world = self.world.copy()
        plan = _carry_out(world, self.plan, *step)
        world.check_writers()
        return Node(world, plan, (step, self.path))

    def history(self) -> list[Step]:
        """Return the steps that have led here."""
        found, path = [], self.path
        while path:
            step, path = path
            found.append(step)
        return found[::-1]


def _carry_out(world: Watched, plan: Plan, what: str, name: str = "") -> Plan:
    EFFECTS[what](world, name)
    if what == "ask":
        left = [*plan.asked]
        left.remove(Mode(name))
        return replace(plan, asked=tuple(left))
    if what in LIMITS:
        return replace(plan, **{LIMITS[what]: getattr(plan, LIMITS[what]) - 1})
    return plan


EFFECTS: dict[str, Callable[[Watched, str], Any]] = {
    "upload": lambda world, _: world.upload_batch(),
    "deliver": lambda world, name: world.take(name),
    "unstarted": lambda world, name: world.take(name, fault="unstarted"),
    "ask": lambda world, name: world.ask_for(Mode(name)),
    "advance": lambda world, name: world.advance(name),
    "lost": lambda world, name: world.advance(name, "lost"),
    "stale": lambda world, name: world.advance(name, "stale"),
    "stop": lambda world, name: world.stop(name, job_goes_on=False),
    "stop, but the job goes on": lambda world, name: world.stop(name, job_goes_on=True),
    "redrive": lambda world, name: world.redrive(world.executions[name]),
    "replace the application": lambda world, _: world.replace_application(),
    "job begins": lambda world, token: world.begin_job(token),
    "job succeeds": lambda world, token: world.end_job(token, good=True),
    "job fails": lambda world, token: world.end_job(token, good=False),
    "job fails for good": lambda world, token: world.end_job(token, good=False, final=True),
    "job is cancelled": lambda world, _: world.cancel_late(),
}
"""What can happen → how the world changes."""

LIMITS = {
    "upload": "uploads",
    "unstarted": "unstarted",
    "lost": "lost",
    "stale": "stale",
    "stop": "stops",
    "stop, but the job goes on": "stops",
    "redrive": "redrives",
    "replace the application": "replacements",
    "job fails": "failures",
    "job fails for good": "final_failures",
}
"""What can happen a number of times → the field of the plan with that number."""


def explore(plan: Plan, definition: Json = None) -> int:
    """Try all histories of a plan.

    Returns
    -------
    int
        Number of different states.

    Raises
    ------
    AssertionError
        If something does not hold; its notes contain the history.
    """
    first = Node(Watched(definition=definition), plan)
    seen, left = {first.key()}, [first]
    while left:
        node = left.pop()
        steps = list(node.steps())
        if not steps or _is_quiet(node):
            _check(node, lambda node=node: _check_quiet(node, plan))
        for step in steps:
            following = _check(node, lambda node=node, step=step: node.after(step), step)
            key = following.key()
            if key not in seen:
                seen.add(key)
                left.append(following)
    return len(seen)


def wander(plan: Plan, histories: int, seed: int, first: Callable[[], Watched] = Watched) -> None:
    """Try some histories of a plan that has too many for all of them.

    Raises
    ------
    AssertionError
        If something does not hold; its notes contain the history.
    """
    random = Random(seed)  # noqa: S311 -- no secret
    for _ in range(histories):
        node = Node(first(), plan)
        for _ in range(MANY_STEPS):
            if not (steps := list(node.steps())):
                break
            step = random.choice(steps)
            node = _check(node, lambda node=node, step=step: node.after(step), step)
            if _is_quiet(node):
                _check(node, lambda node=node: _check_quiet(node, plan))
        _check(node, lambda node=node: _check_end(node, plan))


MANY_STEPS = 120
"""Steps after which a random history comes to an end without further faults."""


def _check_end(node: Node, plan: Plan) -> None:
    settle(node.world)
    _check_quiet(node, plan)


def _check(node: Node, action: Any, *steps: Step) -> Any:  # noqa: ANN401 -- whatever the action returns
    try:
        return action()
    except Exception as error:
        for step in (*node.history(), *steps):
            error.add_note(" ".join(step))
        raise


def _is_quiet(node: Node) -> bool:
    return not (node.world.running or node.world.active_jobs or node.world.waiting_batches)


def _check_quiet(node: Node, plan: Plan) -> None:
    """Check a world in which nothing happens by itself any more."""
    world = node.world.copy()
    left = {*world.inbox()}
    assert left <= world.excused, "no execution works on a notice, and no alarm tells of it"
    if plan.is_calm:
        assert {one.status for one in world.executions.values()} <= {"SUCCEEDED"}, "there is a false alarm"
        assert not {HOLDER, WAITING} & world.item().keys(), "the lease is not free"
    world.upload_batch()
    settle(world)
    assert not world.inbox(), "the next upload does not make up for it"
    assert not {HOLDER, WAITING} & world.item().keys(), "the lease is not free after the next upload"


def settle(world: Watched) -> None:
    """Let everything come to an end without faults."""
    for _ in range(300):
        if not (world.running or world.active_jobs or world.waiting_batches):
            return
        for batch in [*world.waiting_batches]:
            world.take(batch)
        for execution in world.running:
            if not world.job_waits(execution):
                world.advance(execution.name)
        world.cancel_late()
        world.begin_job()
        world.end_job(good=True)
    raise AssertionError(f"there is no end: {[(one.name, one.state) for one in world.running]}")
