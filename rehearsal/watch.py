"""Watches what happens by itself, from outside: what AWS's services tell everybody who may ask."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contract.environments import Output
from localaws.host import Host
from rehearsal.errors import RehearsalError

BETWEEN_LOOKS = 0.5
"""Seconds."""

TELLING = {
    "Acquire": "asks for its turn",
    "Joined": "leaves the images to the run that is going on",
    "RunJob": "submits the Spark job",
    "RecordRun": "calls record_run",
    "RecordFailure": "the job has failed: calls record_run",
    "NextAttempt": "tries again",
    "NextRound": "images have come meanwhile: goes round again",
    "QueueUp": "lines up behind the run that is going on",
    "HandOver": "gives the turn to the run that waits",
    "TakeOver": "takes the place of one that is over",
    "Failed": "ends as failed",
    "Done": "gives the turn back, and is done",
}
"""States of the workflow that are told, and how."""


@dataclass(frozen=True, order=True)
class Hop:
    """A step on the way from the upload to the results.

    Attributes
    ----------
    at
        When, by the clock of whoever took it.
    actor, what
        Who, and what.
    """

    at: datetime
    actor: str
    what: str


class Watch:
    """Tells what is new in a deployed stack since it was asked last.

    Parameters
    ----------
    host
        Where the stack is.
    outputs
        Of the stack.

    Attributes
    ----------
    host
        As above.
    """

    def __init__(self, host: Host, outputs: Mapping[str, str]) -> None:
        self.host = host
        self._outputs = outputs
        self._sqs = host.client("sqs")
        self._logs = host.client("logs")
        self._stepfunctions = host.client("stepfunctions")
        self._emr = host.client("emr-serverless")
        self._log_group = log_group_of("start_run", host)
        self._told: set[Hop] = set()
        self._told_events: dict[str, int] = {}
        self._jobs: dict[str, str] = {}
        self._queue_told = False

    def until_quiet(self, at_most: float) -> Iterator[Hop]:
        """Tell what happens until nothing is under way any more.

        Parameters
        ----------
        at_most
            Seconds to wait for that.

        Raises
        ------
        RehearsalError
            If it takes longer.
        """
        deadline = time.monotonic() + at_most
        quiet = False
        while not quiet:
            quiet = self.is_quiet()  # first: whatever ended before is told below
            yield from self.news()
            if time.monotonic() > deadline:
                raise RehearsalError(f"After {at_most:.0f} s the workflow is still not done.")
            time.sleep(0 if quiet else BETWEEN_LOOKS)

    def is_quiet(self) -> bool:
        """Whether something has happened, and nothing is waiting or running."""
        executions = self.executions()
        return (
            bool(executions) and self.waiting_messages() == 0 and all(one["status"] != "RUNNING" for one in executions)
        )

    def waiting_messages(self) -> int:
        """Count the messages that wait in the queue, or are being worked on."""
        numbers = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self._outputs[Output.QUEUE]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=numbers)["Attributes"]
        return sum(int(found[number]) for number in numbers)

    def executions(self) -> list[dict[str, Any]]:
        """List the executions of the workflow, oldest first."""
        found = self._stepfunctions.list_executions(stateMachineArn=self._outputs[Output.STATE_MACHINE])["executions"]
        return sorted(found, key=lambda one: one["startDate"])

    def troubles(self) -> list[str]:
        """Say what has gone wrong: executions that failed, messages that were set aside. Sentences."""
        found = [
            f"Execution {one['name']} has ended as {one['status']}: {self._reason(one['executionArn'])}."
            for one in self.executions()
            if one["status"] not in {"RUNNING", "SUCCEEDED"}
        ]
        number = "ApproximateNumberOfMessages"
        url = self._outputs[Output.DEAD_LETTERS]
        dead = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[number])["Attributes"][number]
        return [*found, f"{dead} messages were set aside in {url}."] if int(dead) else found

    def _reason(self, execution_arn: str) -> str:
        execution = self._stepfunctions.describe_execution(executionArn=execution_arn)
        return f"{execution.get('error', 'no error named')} ({execution.get('cause', 'no cause')})"

    def news(self) -> list[Hop]:
        """Tell what has happened since the last call, in the order of time."""
        hops = {*self._queue(), *self._function(), *self._workflow(), *self._spark()} - self._told
        self._told |= hops
        return sorted(hops)

    def _queue(self) -> Iterator[Hop]:
        waiting = 0 if self._queue_told else self.waiting_messages()
        if waiting:
            self._queue_told = True
            yield Hop(datetime.now(UTC), "S3 → SQS", f"{waiting} messages are in the queue so far")

    def _function(self) -> Iterator[Hop]:
        events = self._logs.filter_log_events(logGroupName=self._log_group)["events"]
        for event in events:
            line = _document(event["message"])
            if line.get("message") == "Taken in":
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield Hop(
                    at, "start_run", f"takes in {line['messages']} messages: {line['notices']} notices in one file"
                )

    def _workflow(self) -> Iterator[Hop]:
        for execution in self.executions():
            name = execution["name"]
            yield Hop(execution["startDate"], "workflow", f"execution {name} begins")
            last = self._told_events.get(name, 0)
            for event in self._stepfunctions.get_execution_history(executionArn=execution["executionArn"])["events"]:
                if event["id"] > last:
                    self._told_events[name] = event["id"]
                    yield from self._event(event)

    def _event(self, event: Mapping[str, Any]) -> Iterator[Hop]:
        if telling := TELLING.get(event.get("stateEnteredEventDetails", {}).get("name", "")):
            yield Hop(event["timestamp"], "workflow", telling)
        submitted = _document(event.get("taskSubmittedEventDetails", {}).get("output", "{}"))
        if job := submitted.get("JobRunId"):
            self._jobs.setdefault(job, "")

    def _spark(self) -> Iterator[Hop]:
        for job, before in self._jobs.items():
            run = self._emr.get_job_run(applicationId=self._outputs[Output.APPLICATION], jobRunId=job)["jobRun"]
            if run["state"] != before:
                self._jobs[job] = run["state"]
                yield Hop(run["updatedAt"], "Spark job", f"{job}: {run['state']}")


def log_group_of(function: str, host: Host) -> str:
    """Name the log group of a function of ours."""
    handler = f"lambdas.{function}.handler.handler"
    functions = host.client("lambda").list_functions()["Functions"]
    return next(str(one["LoggingConfig"]["LogGroup"]) for one in functions if one["Handler"] == handler)


def _document(text: str) -> dict[str, Any]:
    """Read what may be a JSON object; if it isn't, there is nothing to read."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
