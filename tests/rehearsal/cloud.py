"""The stack in a local AWS, with what the tests do to it from outside."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cli.cloud.bucket import keys_below, oldest_in
from cli.cloud.environment import Deployment
from cli.cloud.follow import Hop
from cli.cloud.records import last_complete_run
from contract.environments import Output, stack_name
from contract.layout import IMAGES, INBOX, ResultFile
from contract.runs import Mode
from contract.summary import Summary
from contract.workflow import RunRecord, RunRequest
from localaws.host import Host
from rehearsal.comparison import PublishedMatrix
from rehearsal.deployment import update
from rehearsal.rehearse import ENVIRONMENT
from rehearsal.results import last_results, read_result
from rehearsal.watch import Watch

LONGEST_WAIT = 240.0
"""Seconds after which a test fails that waits for something."""

BETWEEN_LOOKS = 0.5
"""Seconds between two looks, each of which takes the local AWS some hundredths of a second."""


class Cloud:
    """The stack, and what the tests do to it.

    Attributes
    ----------
    host
        The local AWS.
    settings
        Settings in which the deployed stack differs from that of a rehearsal.
    watch
        Reads what happens.
    """

    def __init__(self, host: Host, deployment: Deployment) -> None:
        self.host = host
        self.deployment = deployment
        self.settings: dict[str, object] = {}
        self.watch = Watch(host, deployment)
        self._known_troubles: list[str] = []

    def deploy_again(self, scratch: Path, **settings: object) -> None:
        """Change settings of the deployed stack; the others stay as the last deployment has them."""
        self.settings |= settings
        self.deployment = update(self.host, scratch, ENVIRONMENT, self.settings)
        self.watch.deployment = self.deployment

    def upload(self, pictures: dict[str, bytes]) -> None:
        """Upload pictures, given as name → content."""
        with ThreadPoolExecutor(4) as executor:
            list(executor.map(self._put, pictures.items()))

    def _put(self, picture: tuple[str, bytes]) -> None:
        name, body = picture
        self.deployment.s3.put_object(Bucket=self.deployment.bucket, Key=f"{IMAGES}{name}", Body=body)

    def remove(self, name: str) -> None:
        """Remove a picture."""
        self.deployment.s3.delete_object(Bucket=self.deployment.bucket, Key=f"{IMAGES}{name}")

    def settle(self) -> list[Hop]:
        """Wait until no message waits and no execution runs; return the steps since the last call."""
        return list(self.watch.until_quiet(LONGEST_WAIT))

    def wait_for(self, what: str) -> None:
        """Wait until a step happens whose words contain a text."""
        self._wait_until(lambda: any(what in step.what for step in self.watch.news()), what)

    def _wait_until(self, happens: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + LONGEST_WAIT
        while not happens():
            assert time.monotonic() < deadline, f"no {what}: {self.watch.troubles()}"
            time.sleep(BETWEEN_LOOKS)

    def jobs(self) -> list[dict[str, Any]]:
        """List the job runs so far, oldest first."""
        application = self.deployment.resource(Output.APPLICATION)
        found = self.deployment.emr.list_job_runs(applicationId=application)["jobRuns"]
        return sorted(found, key=lambda job: job["createdAt"])

    def wait_for_job(self, job_id: str) -> None:
        """Wait until a job run has ended."""
        ended = {"SUCCESS", "FAILED", "CANCELLED"}
        self._wait_until(
            lambda: any(job["state"] in ended for job in self.jobs() if job["id"] == job_id), f"end of the job {job_id}"
        )

    def wait_for_rest(self) -> None:
        """Wait until the application has stopped, some time after its last job."""
        application = self.deployment.resource(Output.APPLICATION)
        self._wait_until(
            lambda: self.deployment.emr.get_application(applicationId=application)["application"]["state"] == "STOPPED",
            "end of the application",
        )

    def execution(self, name: str) -> dict[str, Any]:
        """Return the description of an execution."""
        return next(execution for execution in self.watch.executions() if execution["name"] == name)

    def start(self, name: str, mode: Mode) -> None:
        """Start an execution."""
        self.deployment.stepfunctions.start_execution(
            stateMachineArn=self.deployment.resource(Output.STATE_MACHINE),
            name=name,
            input=RunRequest(mode=mode).to_json(),
        )

    def summary(self) -> Summary:
        """Read the summary of the last complete run."""
        return last_results(self.deployment)[0]

    def record(self) -> RunRecord:
        """Read the record of the last complete run."""
        return last_results(self.deployment)[1]

    def last_run(self) -> str | None:
        """Return the id of the last complete run."""
        return last_complete_run(self.deployment)

    def read(self, file: ResultFile) -> bytes:
        """Read a file of the last complete results, which may lack a record."""
        run_id = self.last_run()
        assert run_id
        return read_result(self.deployment, run_id, file)

    def matrix(self) -> PublishedMatrix:
        """Read the last published matrix."""
        return PublishedMatrix.from_csv(self.read(ResultFile.MATRIX))

    def images(self) -> set[str]:
        """Return the keys of the last published matrix."""
        return set(self.matrix().keys)

    def uploaded(self) -> set[str]:
        """Return the names of all objects below images/, whether a run has read them or not."""
        return {key.removeprefix(IMAGES) for key in keys_below(self.deployment, IMAGES)}

    def notices(self) -> int:
        """Count the files in the inbox."""
        return oldest_in(self.deployment, INBOX)[0]

    def alarms(self) -> set[str]:
        """Return the names of the alarms that are in state ALARM, and set them to OK."""
        cloudwatch = self.host.client("cloudwatch")
        raised = {
            alarm["AlarmName"].removeprefix(f"{stack_name(ENVIRONMENT)}-")
            for alarm in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        }
        for name in raised:
            cloudwatch.set_alarm_state(
                AlarmName=f"{stack_name(ENVIRONMENT)}-{name}", StateValue="OK", StateReason="a test has seen it"
            )
        return raised

    def troubles(self) -> list[str]:
        """Return what has gone wrong since the last call."""
        new = [trouble for trouble in self.watch.troubles() if trouble not in self._known_troubles]
        self._known_troubles += new
        return new

    def wait_for_alarm(self, name: str) -> None:
        """Wait until an alarm is in state ALARM; set all alarms to OK."""
        self._wait_until(lambda: name in self.alarms(), f"alarm {name}")

    def subscribe(self, address: str) -> str:
        """Subscribe an address to the alarms, and confirm it as its owner does; return the ARN of the subscription."""
        sns = self.host.client("sns")
        [topic] = [found["TopicArn"] for found in sns.list_topics()["Topics"]]
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
        [request] = [mail for mail in self.host.ask("deliveries") if mail["endpoint"] == address]
        return str(sns.confirm_subscription(TopicArn=topic, Token=request["token"])["SubscriptionArn"])

    def mails(self, address: str) -> list[str]:
        """Return the subjects of the e-mails that an address has received, without the request to confirm."""
        sent = self.host.ask("deliveries")
        return [mail["subject"] for mail in sent if mail["endpoint"] == address and "token" not in mail]

    def wait_for_mail(self, address: str, alarm: str) -> None:
        """Wait until an address has been told of an alarm."""
        subject = f"ALARM: {stack_name(ENVIRONMENT)}-{alarm}"
        self._wait_until(lambda: subject in self.mails(address), f"e-mail {subject!r}")

    def failures(self, actor: str) -> float:
        """Count the failures of a function, or of the workflow, by the metrics of CloudWatch."""
        metric: dict[str, Any] = (
            {"Namespace": "AWS/States", "MetricName": "ExecutionsFailed"}
            if actor == "workflow"
            else {"Namespace": "AWS/Lambda", "MetricName": "Errors"}
        )
        [alarm] = [
            found
            for found in self.host.client("cloudwatch").describe_alarms_for_metric(**metric)["MetricAlarms"]
            if actor == "workflow" or actor.title().replace("_", "") in found["AlarmName"]
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

    def wait_for_failure(self, actor: str, before: float) -> None:
        """Wait until a function, or the workflow, has failed more often than before."""
        self._wait_until(lambda: self.failures(actor) > before, f"failure of {actor}")

    @contextmanager
    def faults(self, *faults: dict[str, object]) -> Iterator[None]:
        """Inject faults, each of which must occur at least once."""
        self.host.ask("faults", faults)
        yield
        struck = self.host.ask("faults", [])
        assert struck.keys() == {fault["action"] for fault in faults}
        assert all(struck.values()), struck

    @contextmanager
    def without(self, role: str, action: str) -> Iterator[None]:
        """Remove a permission from a role of the stack, and give it back at the end."""
        iam = self.host.client("iam")
        [name] = [found["RoleName"] for found in iam.list_roles()["Roles"] if f"-{role}" in found["RoleName"]]
        [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        statements = document["Statement"]
        rest = [_without(statement, action) for statement in statements]
        assert rest != statements, f"{role} is not allowed {action}"
        less = {**document, "Statement": [statement for statement in rest if statement["Action"]]}
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(less))
        yield
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def _without(statement: dict[str, Any], action: str) -> dict[str, Any]:
    actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
    return {**statement, "Action": [allowed for allowed in actions if allowed != action]}
