"""Tests of `drain` against a local AWS, whose jobs are shell scripts."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from contract.functions import DRAINED_APPLICATION
from lambdas.drain.answer import Answer, send
from lambdas.drain.application import CAUSE, Drain, DrainError
from lambdas.drain.handler import respond, tidy_up
from lambdas.drain.rule import JobEventsRule
from tests.lambdas.drain.permissions import OF_ALL, OF_JOBS, OF_TAGGED
from tests.localaws.cloud import Cloud, cloud_in, policy, until
from tests.localaws.machine import Machine, definition, task

TAG = "fruits-test"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a local AWS. Its jobs never start Java."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", "/java")
        with cloud_in(tmp_path_factory.mktemp("drain")) as cloud:
            yield cloud


class Stack:
    """A state machine whose executions run a job on an application, as that of the stack does."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.role = cloud, cloud.job_role()
        self.emr, self.sfn = cloud.aws.client("emr-serverless"), cloud.aws.client("stepfunctions")
        self.application = cloud.application(tags={"environment": TAG})
        self.machine = Machine(cloud, self.definition())
        emr, sfn = (cloud.aws.client(service, self.function_role()) for service in ("emr-serverless", "stepfunctions"))
        self.drain = Drain(emr, sfn, self.machine.arn, lambda _: threading.Event().wait(0.05))

    def function_role(self) -> str:
        """Create a role with the permissions that the stack gives to the function, and return its ARN."""
        anything = {"Effect": "Allow", "Action": ["states:*", OF_JOBS, OF_ALL], "Resource": "*"}
        condition = {"StringEquals": {"aws:ResourceTag/environment": TAG}}
        own = {"Effect": "Allow", "Action": OF_TAGGED, "Resource": "*", "Condition": condition}
        role = self.cloud.role()
        self.cloud.aws.client("iam").put_role_policy(
            RoleName=role.rpartition("/")[2], PolicyName="drain", PolicyDocument=policy(anything, own)
        )
        return role

    def definition(self) -> dict[str, Any]:
        """Return the definition for the present application."""
        driver = {"SparkSubmit": {"EntryPoint": self.cloud.put_script("sleep 99")}}
        job = {"ApplicationId": self.application, "ExecutionRoleArn": self.role, "JobDriver": driver}
        run_job = task("emr-serverless:startJobRun.sync", job)
        # As in the stack, a round after that of the request is an update.
        is_later = {"Variable": "$.round", "IsPresent": True, "Next": "NextRound"}
        states = {
            "NextRound": {"Type": "Pass", "Parameters": {"mode": "update"}, "Next": "RunJob"},
            "RunJob": run_job,
        }
        return definition({"Type": "Choice", "Choices": [is_later], "Default": "RunJob"}, **states)

    def replace_application(self) -> str:
        """Do what an update of the stack does before its cleanup, and return the id of the old application."""
        old, self.application = self.application, self.cloud.application(tags={"environment": TAG})
        self.sfn.update_state_machine(stateMachineArn=self.machine.arn, definition=json.dumps(self.definition()))
        return old

    def run(self, mode: str, **fields: int) -> str:
        """Start an execution, wait until its job runs, and return its ARN."""
        execution = self.machine.start(mode=mode, **fields)
        until(lambda: "RUNNING" in self.jobs(self.application))
        return execution

    def jobs(self, application: str) -> list[str]:
        """Return the states of the job runs of an application."""
        return [run["state"] for run in self.emr.list_job_runs(applicationId=application)["jobRuns"]]

    def state(self, application: str) -> str:
        """Return the state of an application."""
        return str(self.emr.get_application(applicationId=application)["application"]["state"])

    def running(self) -> list[str]:
        """Return the names of the running executions."""
        listed = self.sfn.list_executions(stateMachineArn=self.machine.arn, statusFilter="RUNNING")["executions"]
        return [execution["name"] for execution in listed]


@pytest.fixture
def stack(cloud: Cloud) -> Iterator[Stack]:
    """Return a stack, and drain it at the end."""
    stack = Stack(cloud)
    yield stack
    stack.drain.run(stack.application, _soon())


def _soon() -> float:
    return time.monotonic() + 30


def test_a_run_on_a_replaced_application_begins_again_on_the_new_one(stack: Stack) -> None:
    """The old application can be deleted: its execution and its job have ended. The mode of the run stays."""
    execution = stack.run("reprocess")
    old = stack.replace_application()
    stack.drain.run(old, _soon())
    ended = stack.machine.describe(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Deployment", CAUSE)
    assert (stack.jobs(old), stack.state(old)) == (["CANCELLED"], "STOPPED")
    stack.emr.delete_application(applicationId=old)
    assert stack.running() == [f"resumed-reprocess-{old}"]
    until(lambda: stack.jobs(stack.application) == ["RUNNING"])


def test_a_later_round_begins_again_as_an_update(stack: Stack) -> None:
    """Its execution was started as a reprocess, which is complete: to reprocess again would cost hours."""
    stack.run("reprocess", round=2)
    old = stack.replace_application()
    stack.drain.run(old, _soon())
    assert stack.running() == [f"resumed-update-{old}"]


def test_a_run_on_the_new_application_goes_on(stack: Stack) -> None:
    """Draining the old application stops no execution that has begun since, and needs no second call."""
    old = stack.replace_application()
    execution = stack.run("update")
    stack.drain.run(old, _soon())
    stack.drain.run(old, _soon())
    assert stack.machine.describe(execution)["status"] == "RUNNING"
    assert stack.jobs(stack.application) == ["RUNNING"]


def test_nothing_begins_again_if_the_stack_is_deleted(stack: Stack) -> None:
    """The definition still names the application, so that a new execution would start it again."""
    stack.run("update")
    stack.drain.run(stack.application, _soon())
    assert stack.running() == []
    assert stack.state(stack.application) == "STOPPED"


def test_a_run_begins_again_even_if_the_application_does_not_stop_in_time(stack: Stack) -> None:
    """CloudFormation hears the reason. The old application is left, but the pipeline goes on."""
    stack.run("update")
    old = stack.replace_application()
    answer = respond({"RequestType": "Delete", "PhysicalResourceId": old}, stack.drain, deadline=0.0)
    assert answer.failure is not None
    assert answer.failure.startswith(DrainError.__name__)
    assert "delete the application yourself" in answer.failure
    assert stack.running() == [f"resumed-update-{old}"]
    stack.drain.run(old, _soon())


@pytest.mark.parametrize("unknown", ["00aaaabbbbcccc09", "fruits-dev-Draining-1ABC2DEF"])
def test_an_application_that_does_not_exist_needs_no_draining(stack: Stack, unknown: str) -> None:
    """CloudFormation invents an id for a resource whose creation failed, and then deletes it."""
    assert respond({"RequestType": "Delete", "PhysicalResourceId": unknown}, stack.drain, _soon()).failure is None


def test_a_rule_that_is_left_keeps_no_answer_back(cloud: Cloud, stack: Stack) -> None:
    """A function that may not even look at its state machine leaves the rule, and CloudFormation gets its answer."""
    powerless = cloud.aws.client("stepfunctions", cloud.role())
    drain = replace(stack.drain, stepfunctions=powerless)
    tidy_up(stack.application, drain, JobEventsRule(cloud.aws.client("events"), powerless, stack.machine.arn))


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_the_resource_has_the_id_of_its_application(stack: Stack, request_type: str) -> None:
    """So CloudFormation takes another application for another resource, and deletes the old one."""
    execution = stack.run("update")
    event = {"RequestType": request_type, "ResourceProperties": {DRAINED_APPLICATION: stack.application}}
    assert respond(event, stack.drain, _soon()) == Answer(resource_id=stack.application)
    assert stack.machine.describe(execution)["status"] == "RUNNING"


def test_the_answer_has_the_form_that_cloudformation_expects() -> None:
    """A PUT without a content type, which the signature of the URL does not have."""
    received: list[tuple[str | None, dict[str, str]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        event = {"StackId": "s", "RequestId": "r", "LogicalResourceId": "l"}
        url = f"http://127.0.0.1:{server.server_port}/answer?signature=1"
        send({**event, "ResponseURL": url}, Answer(resource_id="a", failure="x" * 5000))
        thread.join()
    ((content_type, document),) = received
    assert content_type == ""
    assert document == {**event, "PhysicalResourceId": "a", "Status": "FAILED", "Reason": "x" * 1000}
