"""What happens in the local AWS between an upload and its results, read from the services of AWS."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.cloud.environment import Deployment
from cli.cloud.follow import WORKFLOW, Follower, Hop
from cli.cloud.history import ending, events_after
from cli.cloud.situation import messages_in
from contract.environments import Output
from contract.functions import Function, IntakeEntry
from localaws.host import Host
from rehearsal.errors import RehearsalError
from spark_app.words import counted

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef

SECONDS_BETWEEN_POLLS = 1.0


class Watch:
    """Reads what has happened in a stack since the last call.

    Attributes
    ----------
    deployment
        The stack; another deployment may replace its resources.
    """

    def __init__(self, host: Host, deployment: Deployment) -> None:
        self.deployment = deployment
        self._logs = host.client("logs")
        self._log_group = _log_group_of(Function.START_RUN, host)
        self._followers: dict[str, Follower] = {}
        self._seen: set[Hop] = set()
        self._queue_seen = False

    def until_quiet(self, at_most: float) -> Iterator[Hop]:
        """Yield what happens until no message waits and no execution runs.

        Raises
        ------
        RehearsalError
            If this takes longer than `at_most` seconds.
        """
        deadline = time.monotonic() + at_most
        quiet = False
        while not quiet:
            quiet = self._is_quiet()  # before the news, which then contain everything up to the end
            yield from self.news()
            if time.monotonic() > deadline:
                raise RehearsalError(f"After {at_most:.0f} s, messages wait or executions run.")
            time.sleep(0 if quiet else SECONDS_BETWEEN_POLLS)

    def _is_quiet(self) -> bool:
        """Whether there was an execution, and no message waits and no execution runs."""
        states = {execution["status"] for execution in self.executions()}
        return bool(states) and "RUNNING" not in states and messages_in(self.deployment, Output.QUEUE).total == 0

    def executions(self) -> "list[ExecutionListItemTypeDef]":
        """List the executions of the state machine, oldest first."""
        state_machine = self.deployment.resource(Output.STATE_MACHINE)
        found = self.deployment.stepfunctions.list_executions(stateMachineArn=state_machine)["executions"]
        return sorted(found, key=lambda execution: execution["startDate"])

    def troubles(self) -> list[str]:
        """Write a sentence for each execution that failed, and one if there are messages in the dead-letter queue."""
        found = [
            f"Execution {execution['name']} ended as {execution['status']}: {self._reason(execution['executionArn'])}."
            for execution in self.executions()
            if execution["status"] not in {"RUNNING", "SUCCEEDED"}
        ]
        dead = messages_in(self.deployment, Output.DEAD_LETTERS).waiting
        return [*found, f"The dead-letter queue has {counted(dead, 'message')}."] if dead else found

    def _reason(self, execution: str) -> str:
        ended = ending(events_after(self.deployment.stepfunctions, execution))
        return ended.reason if ended else "its history gives no reason"

    def news(self) -> list[Hop]:
        """Return what has happened since the last call, in the order of time."""
        steps = {*self._queue(), *self._function(), *self._workflow()} - self._seen
        self._seen |= steps
        return sorted(steps)

    def _queue(self) -> Iterator[Hop]:
        """Report once that messages have reached the queue."""
        waiting = 0 if self._queue_seen else messages_in(self.deployment, Output.QUEUE).total
        if waiting:
            self._queue_seen = True
            yield Hop(datetime.now(UTC), "S3 → SQS", f"the queue has {counted(waiting, 'message')} so far")

    def _function(self) -> Iterator[Hop]:
        for event in self._logs.filter_log_events(logGroupName=self._log_group)["events"]:
            if entry := IntakeEntry.from_line(event["message"]):
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                what = f"takes in {counted(entry.messages, 'message')}: {counted(entry.notices, 'notice')} in one file"
                yield Hop(at, Function.START_RUN, what)

    def _workflow(self) -> Iterator[Hop]:
        for execution in self.executions():
            arn = execution["executionArn"]
            if arn not in self._followers:
                self._followers[arn] = Follower(self.deployment, arn)
                yield Hop(execution["startDate"], WORKFLOW, f"execution {execution['name']} begins")
            if self._followers[arn].ended is None:
                yield from self._followers[arn].new_steps()


def _log_group_of(function: Function, host: Host) -> str:
    """Return the log group of a function of the stack."""
    functions = host.client("lambda").list_functions()["Functions"]
    return next(str(found["LoggingConfig"]["LogGroup"]) for found in functions if found["Handler"] == function.handler)
