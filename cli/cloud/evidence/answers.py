"""What AWS says about an environment: read-only questions, and the answers as AWS gives them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from cli.cloud.environment import Deployment, StackResource
from cli.cloud.errors import NoAccessError, code_of, explain
from cli.cloud.parallel import in_parallel
from contract.alarms import alarm_prefix
from contract.environments import Output, stack_name

ACTIVE_STATES = ("SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING", "CANCELLING")
"""States of job runs that have not ended."""

CLIENTS = {"states": "stepfunctions"}
"""Prefix of a service in permissions → boto3's name of the service, if it is another."""

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one question.

    Attributes
    ----------
    call
        Service and operation, such as ``s3:GetBucketLocation``.
    of
        Name of the resource.
    content
        What AWS has answered; `None` if it has answered with an error.
    problem
        Code and message of the error; empty without one. An error may be the answer: a bucket without a policy.
    """

    call: str
    of: str
    content: Document | None
    problem: str = ""


@dataclass(frozen=True)
class Question:
    """A question to AWS: service and operation, the resource, and the call."""

    call: str
    of: str
    ask: Callable[[], Document]

    def answered(self) -> Answer:
        """Ask it.

        Raises
        ------
        NoAccessError
            If AWS does not accept the credentials, so that no question would be answered.
        """
        try:
            content = self.ask()
        except ClientError as error:
            if isinstance(explained := explain(error), NoAccessError):
                raise explained from error
            message = error.response.get("Error", {}).get("Message", "")
            return Answer(call=self.call, of=self.of, content=None, problem=f"{code_of(error)}: {message}")
        return Answer(call=self.call, of=self.of, content=_without_metadata(content))


@dataclass(frozen=True)
class Answers:
    """All answers: name of a group of questions, such as ``buckets`` → its answers."""

    groups: Mapping[str, tuple[Answer, ...]]

    def to(self, call: str) -> tuple[Answer, ...]:
        """Return the answers to one call, those with errors included."""
        return tuple(answer for group in self.groups.values() for answer in group if answer.call == call)

    def contents(self, call: str) -> Iterator[tuple[str, Document]]:
        """Return the resources about which AWS has answered a call, and what it has answered."""
        yield from ((answer.of, answer.content) for answer in self.to(call) if answer.content is not None)


def answers_about(deployment: Deployment) -> Answers:
    """Ask everything about the resources of an environment, and about what they do at present."""
    groups = {
        "account": (Question("sts:GetCallerIdentity", "credentials", partial(_account, deployment)),),
        "stack": tuple(_of_stack(deployment)),
        "buckets": tuple(_of_buckets(deployment)),
        "application": tuple(_of_application(deployment)),
        "functions": tuple(_of_functions(deployment)),
        "state-machine": tuple(_of_state_machine(deployment)),
        "table": (_of(deployment, "dynamodb:DescribeTable", Output.COORDINATION_TABLE, "TableName"),),
        "queues": tuple(_of_queues(deployment)),
        "log-groups": tuple(_of_log_groups(deployment)),
        "roles": tuple(_of_roles(deployment)),
        "catalog": (_of(deployment, "glue:GetDatabase", Output.DATABASE, "Name"),),
        "alarms": (
            _plain(
                deployment, "cloudwatch:DescribeAlarms", "alarms", AlarmNamePrefix=alarm_prefix(deployment.environment)
            ),
        ),
    }
    return Answers({name: asked(questions) for name, questions in groups.items()})


def asked(questions: tuple[Question, ...]) -> tuple[Answer, ...]:
    """Ask questions at once, and return the answers in the order of the questions.

    Raises
    ------
    NoAccessError
        As for `Question.answered`.
    """
    numbered = in_parallel(lambda entry: (entry[0], entry[1].answered()), list(enumerate(questions)))
    return tuple(answer for _, answer in sorted(numbered, key=lambda entry: entry[0]))


def _plain(deployment: Deployment, call: str, of: str, **parameters: object) -> Question:
    """Make a question of a call such as ``s3:GetBucketLocation``, whose operation boto3 names in its own way."""
    service, _, operation = call.partition(":")
    client = deployment.s3 if service == "s3" else deployment.client(CLIENTS.get(service, service))
    return Question(call, of, partial(getattr(client, _method(operation)), **parameters))


def _method(operation: str) -> str:
    """Return boto3's name of an operation: ``get_bucket_location`` of ``GetBucketLocation``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).removeprefix("_")


def _account(deployment: Deployment) -> Document:
    """Return the account alone: the rest of the answer names the person, or an access key."""
    return {"Account": deployment.client("sts").get_caller_identity()["Account"]}


def _of(deployment: Deployment, call: str, output: Output, parameter: str) -> Question:
    name = deployment.resource(output)
    return _plain(deployment, call, name, **{parameter: name})


def resources_of(deployment: Deployment, kind: str) -> list[StackResource]:
    """Return the resources of the stack of a type, such as ``AWS::S3::Bucket``."""
    return [resource for resource in deployment.resources if resource.kind == kind]


def _of_stack(deployment: Deployment) -> Iterator[Question]:
    name = stack_name(deployment.environment)
    yield _plain(deployment, "cloudformation:DescribeStacks", name, StackName=name)
    yield Question("cloudformation:ListStackResources", name, lambda: {"Resources": _summaries(deployment)})
    yield _plain(deployment, "cloudformation:GetTemplate", name, StackName=name)


def _summaries(deployment: Deployment) -> list[Document]:
    return [
        {"LogicalResourceId": one.logical_id, "ResourceType": one.kind, "PhysicalResourceId": one.physical_id}
        for one in deployment.resources
    ]


BUCKET_CALLS = (
    "s3:GetBucketLocation",
    "s3:GetBucketEncryption",
    "s3:GetPublicAccessBlock",
    "s3:GetBucketPolicy",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketLogging",
    "s3:GetBucketVersioning",
    "s3:GetBucketLifecycleConfiguration",
)


def _of_buckets(deployment: Deployment) -> Iterator[Question]:
    for bucket in resources_of(deployment, "AWS::S3::Bucket"):
        for call in BUCKET_CALLS:
            yield _plain(deployment, call, bucket.physical_id, Bucket=bucket.physical_id)


def _of_application(deployment: Deployment) -> Iterator[Question]:
    application = deployment.resource(Output.APPLICATION)
    yield _plain(deployment, "emr-serverless:GetApplication", application, applicationId=application)
    yield _plain(
        deployment,
        "emr-serverless:ListJobRuns",
        application,
        applicationId=application,
        states=list(ACTIVE_STATES),
    )


def _of_functions(deployment: Deployment) -> Iterator[Question]:
    for function in resources_of(deployment, "AWS::Lambda::Function"):
        # GetFunction would answer with a signed URL of the code, which is a secret for some minutes.
        yield _plain(
            deployment, "lambda:GetFunctionConfiguration", function.physical_id, FunctionName=function.physical_id
        )


def _of_state_machine(deployment: Deployment) -> Iterator[Question]:
    machine = deployment.resource(Output.STATE_MACHINE)
    yield _plain(deployment, "states:DescribeStateMachine", machine, stateMachineArn=machine)
    yield _plain(deployment, "states:ListExecutions", machine, stateMachineArn=machine, statusFilter="RUNNING")


def _of_queues(deployment: Deployment) -> Iterator[Question]:
    for queue in (deployment.resource(output) for output in (Output.QUEUE, Output.DEAD_LETTERS)):
        yield _plain(deployment, "sqs:GetQueueAttributes", queue, QueueUrl=queue, AttributeNames=["All"])


def _of_log_groups(deployment: Deployment) -> Iterator[Question]:
    for group in resources_of(deployment, "AWS::Logs::LogGroup"):
        yield _plain(deployment, "logs:DescribeLogGroups", group.physical_id, logGroupNamePrefix=group.physical_id)


def _of_roles(deployment: Deployment) -> Iterator[Question]:
    for role in resources_of(deployment, "AWS::IAM::Role"):
        yield Question("iam:GetRole", role.physical_id, partial(_role, deployment.client("iam"), role.physical_id))


def _role(iam: Any, name: str) -> Document:  # noqa: ANN401 -- boto3's client
    """Return what a role may do, and who may assume it: its own policies, and those that are attached to it."""
    role = iam.get_role(RoleName=name)["Role"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "Arn": role["Arn"],
        "Trust": role["AssumeRolePolicyDocument"],
        "Policies": {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline
        },
        "AttachedPolicies": [policy["PolicyArn"] for policy in attached],
    }


def questions_about_run(deployment: Deployment, execution: str, job: tuple[str, str] | None) -> tuple[Question, ...]:
    """Return the questions about a run: its execution, given by its ARN, and its job.

    Parameters
    ----------
    job
        Ids of the application and of the job run; `None` if the run has started no job.
    """
    history = Question("states:GetExecutionHistory", execution, lambda: {"events": _history(deployment, execution)})
    described = _plain(deployment, "states:DescribeExecution", execution, executionArn=execution)
    if job is None:
        return described, history
    application, job_run = job
    asked_job = _plain(deployment, "emr-serverless:GetJobRun", job_run, applicationId=application, jobRunId=job_run)
    return described, history, asked_job


def _history(deployment: Deployment, execution: str) -> list[Any]:
    pages = deployment.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=execution)
    return [event for page in pages for event in page["events"]]


def _without_metadata(content: Document) -> Document:
    return {name: value for name, value in content.items() if name != "ResponseMetadata"}
