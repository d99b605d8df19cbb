"""A stack in a local AWS, and what tests do to it."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from contract.environments import Output, stack_name
from contract.layout import IMAGES, INBOX
from localaws.host import Host
from rehearsal.rehearse import ENVIRONMENT, Results
from rehearsal.watch import Hop, Watch

PATIENCE = 240.0
"""Seconds that anything may take."""


class Cloud:
    """The stack, and what is done to it from outside.

    Attributes
    ----------
    host, outputs
        Where it is, and what it is made of.
    watch
        Tells what happens.
    """

    def __init__(self, host: Host, outputs: dict[str, str]) -> None:
        self.host = host
        self.outputs = outputs
        self.watch = Watch(host, outputs)
        self.bucket = outputs[Output.BUCKET]
        self.s3 = host.client("s3")
        self.stepfunctions = host.client("stepfunctions")
        self.emr = host.client("emr-serverless")
        self.iam = host.client("iam")
        self._known_troubles: list[str] = []

    def upload(self, pictures: dict[str, bytes]) -> None:
        """Put pictures in the bucket: name → content."""
        with ThreadPoolExecutor(4) as executor:
            list(executor.map(self._put, pictures.items()))

    def _put(self, picture: tuple[str, bytes]) -> None:
        name, body = picture
        self.s3.put_object(Bucket=self.bucket, Key=f"{IMAGES}{name}", Body=body)

    def remove(self, *names: str) -> None:
        """Remove pictures."""
        for name in names:
            self.s3.delete_object(Bucket=self.bucket, Key=f"{IMAGES}{name}")

    def settle(self) -> list[Hop]:
        """Wait until nothing goes on any more; say what has happened since the last time."""
        return list(self.watch.until_quiet(PATIENCE))

    def wait_for(self, what: str) -> Hop:
        """Wait until something happens: the words of a hop."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for hop in self.watch.news():
                if what in hop.what:
                    return hop
            time.sleep(0.1)
        raise AssertionError(f"{what} did not happen: {self.watch.troubles()}")

    def jobs(self) -> list[dict[str, Any]]:
        """List the jobs so far, oldest first."""
        found = self.emr.list_job_runs(applicationId=self.outputs[Output.APPLICATION])["jobRuns"]
        return sorted(found, key=lambda job: job["createdAt"])

    def execution(self, name: str) -> dict[str, Any]:
        """Describe an execution."""
        return next(one for one in self.watch.executions() if one["name"] == name)

    def start(self, name: str, mode: str) -> str:
        """Start the state machine by hand."""
        machine = self.outputs[Output.STATE_MACHINE]
        started = self.stepfunctions.start_execution(
            stateMachineArn=machine, name=name, input=json.dumps({"mode": mode})
        )
        return str(started["executionArn"])

    @property
    def results(self) -> Results:
        """The last complete results."""
        return Results(self.host, self.bucket)

    def images(self) -> set[str]:
        """Name the pictures in the last matrix."""
        return {line.partition(",")[0].strip('"') for line in self.results.read("pca.csv").decode().splitlines()[1:]}

    def notices(self) -> int:
        """Count the files that wait in the inbox."""
        return self.s3.list_objects_v2(Bucket=self.bucket, Prefix=INBOX)["KeyCount"]

    def alarms(self) -> set[str]:
        """Name the alarms that have been raised, and lower them."""
        cloudwatch = self.host.client("cloudwatch")
        raised = {
            alarm["AlarmName"].removeprefix(f"{stack_name(ENVIRONMENT)}-")
            for alarm in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        }
        for name in raised:
            cloudwatch.set_alarm_state(
                AlarmName=f"{stack_name(ENVIRONMENT)}-{name}", StateValue="OK", StateReason="looked at"
            )
        return raised

    def troubles(self) -> list[str]:
        """Say what has gone wrong since the last time."""
        new = [trouble for trouble in self.watch.troubles() if trouble not in self._known_troubles]
        self._known_troubles += new
        return new

    def wait_for_alarm(self, name: str) -> None:
        """Wait until an alarm is raised; lower all."""
        deadline = time.monotonic() + PATIENCE
        while name not in self.alarms():
            assert time.monotonic() < deadline, f"{name} was not raised"
            time.sleep(0.1)

    def failures(self, who: str) -> float:
        """Count how often a function, or the workflow, has failed, by the figures of CloudWatch."""
        metric: dict[str, Any] = (
            {"Namespace": "AWS/States", "MetricName": "ExecutionsFailed"}
            if who == "workflow"
            else {"Namespace": "AWS/Lambda", "MetricName": "Errors"}
        )
        [alarm] = [
            found
            for found in self.host.client("cloudwatch").describe_alarms_for_metric(**metric)["MetricAlarms"]
            if who == "workflow" or who.title().replace("_", "") in found["AlarmName"]
        ]
        now = datetime.now(UTC)
        points = self.host.client("cloudwatch").get_metric_statistics(
            **metric,
            Dimensions=alarm["Dimensions"],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    def wait_for_failure(self, who: str, before: float) -> None:
        """Wait until a function, or the workflow, has failed more often than before."""
        deadline = time.monotonic() + PATIENCE
        while self.failures(who) <= before:
            assert time.monotonic() < deadline, f"{who} has not failed"
            time.sleep(0.2)

    @contextmanager
    def faults(self, *faults: dict[str, object]) -> Iterator[None]:
        """Let things go wrong; at least once each must have."""
        self.host.ask("faults", faults)
        yield
        struck = self.host.ask("faults", [])
        assert struck.keys() == {fault["action"] for fault in faults}
        assert all(struck.values()), struck

    @contextmanager
    def without(self, role: str, action: str) -> Iterator[None]:
        """Take a permission from a role of the stack for a while."""
        [name] = [one["RoleName"] for one in self.iam.list_roles()["Roles"] if f"-{role}" in one["RoleName"]]
        [policy] = self.iam.list_role_policies(RoleName=name)["PolicyNames"]
        document = self.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        statements = document["Statement"]
        rest = [_without(statement, action) for statement in statements]
        assert rest != statements, f"{role} is not allowed {action}"
        less = {**document, "Statement": [statement for statement in rest if statement["Action"]]}
        self.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(less))
        yield
        self.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def _without(statement: dict[str, Any], action: str) -> dict[str, Any]:
    actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
    return {**statement, "Action": [one for one in actions if one != action]}
