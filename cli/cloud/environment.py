"""A deployed environment: its resources, which the outputs of its stack name, and clients for them."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import is_valid_endpoint_url

from cdk.settings import ENVIRONMENTS, Environment, EnvironmentSettingsError, environment_named
from cli.cloud.errors import NO_ANSWER_OF_AWS, CloudError
from cli.cloud.parallel import THREADS
from contract.environments import Output, stack_name
from spark_app.errors import UsageError
from spark_app.options import in_words

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


class _Stacks(Protocol):
    """The part of CloudFormation's client that `connect` uses."""

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class StackResource:
    """A resource of the stack: its name in the template, its type, and its name, ARN or URL in AWS."""

    logical_id: str
    kind: str
    physical_id: str


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployed environment: the outputs of its stack name its resources; `endpoint_url` is `None` for AWS itself."""

    environment: str
    region: str
    outputs: Mapping[str, str]
    session: "boto3.Session" = field(repr=False)
    endpoint_url: str | None = None

    def resource(self, output: Output) -> str:
        """Return the name, the URL or the ARN of a resource.

        Raises
        ------
        UsageError
            If the stack has no such output, because it is incomplete or of another version.
        """
        if output not in self.outputs:
            raise UsageError(
                f"The stack of environment {self.environment!r} has no output {output}: deploy it again with "
                f"`make deploy ENV={self.environment}`."
            )
        return self.outputs[output]

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.resource(Output.BUCKET)

    @property
    def is_local(self) -> bool:
        """Whether the environment is in a local AWS, which has no console."""
        host = urlsplit(self.cloudformation.meta.endpoint_url).hostname or ""
        return not host.endswith((".amazonaws.com", ".api.aws"))

    @cached_property
    def resources(self) -> tuple[StackResource, ...]:
        """All resources of the stack."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=stack_name(self.environment)
        )
        return tuple(
            StackResource(found["LogicalResourceId"], found["ResourceType"], found.get("PhysicalResourceId", ""))
            for page in pages
            for found in page["StackResourceSummaries"]
        )

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3's client, of a service without installed types
        """Return a client of a service."""
        session: Any = self.session
        return session.client(service, endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)

    @cached_property
    def cloudformation(self) -> Any:  # noqa: ANN401 -- as above
        """Client of the stack."""
        return self.client("cloudformation")

    @cached_property
    def logs(self) -> Any:  # noqa: ANN401 -- as above
        """Client of the logs."""
        return self.client("logs")

    def command(self, words: str) -> str:
        """Write a `fruits` command for this environment as its user types it."""
        return f"`{self.line(words)}`"

    def line(self, words: str) -> str:
        """Write a `fruits` command for this environment as a line to type."""
        endpoint = f" --endpoint-url {self.endpoint_url}" if self.endpoint_url else ""
        return f"fruits {words} --env {self.environment}{endpoint}"

    @cached_property
    def s3(self) -> "S3Client":
        """Client of the bucket."""
        # A local AWS has one host name, and none for each bucket.
        style = Config(s3={"addressing_style": "path" if self.endpoint_url else "auto"})
        return self.session.client("s3", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG.merge(style))

    @cached_property
    def stepfunctions(self) -> "SFNClient":
        """Client of the state machine."""
        return self.session.client("stepfunctions", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)

    @cached_property
    def emr(self) -> "EMRServerlessClient":
        """Client of the Spark application."""
        return self.session.client("emr-serverless", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Client of the coordination table."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        """Client of the queues."""
        return self.session.client("sqs", endpoint_url=self.endpoint_url, config=CLIENT_CONFIG)


CLIENT_CONFIG = Config(connect_timeout=10, retries={"mode": "standard"}, max_pool_connections=THREADS)


FRUITS_ENV = "FRUITS_ENV"
"""Variable that names the environment of commands without ``--env``. An empty value counts as none."""


class NameOfVariable(str):
    """The name of an environment that comes from `FRUITS_ENV`: the message about a wrong name says so."""

    __slots__ = ()


def add_environment_arguments(parser: argparse.ArgumentParser, *, is_optional: bool = False) -> None:
    """Add the options that select an environment.

    Parameters
    ----------
    is_optional
        Whether the command works without an environment, too.
    """
    default = os.environ.get(FRUITS_ENV, "").strip()
    parser.add_argument(
        "--env",
        required=not (default or is_optional),
        default=NameOfVariable(default) if default else None,
        metavar="NAME",
        help=f"environment: {in_words(list(ENVIRONMENTS))} [variable {FRUITS_ENV}]",
    )
    parser.add_argument("--endpoint-url", metavar="URL", help="endpoint of a local AWS, such as that of a rehearsal")


def settings_of(environment: str) -> Environment:
    """Return the settings of the environment that a user has named.

    Raises
    ------
    UsageError
        If there is no environment of this name.
    """
    try:
        return environment_named(environment)
    except EnvironmentSettingsError as error:
        source = f" Correct the variable {FRUITS_ENV}, or add --env." if isinstance(environment, NameOfVariable) else ""
        raise UsageError(f"{error}{source}") from error


def session_of(region: str, endpoint_url: str | None) -> "boto3.Session":
    """Return a session of a Region with the credentials that boto3 finds.

    Raises
    ------
    UsageError
        If the endpoint is no URL, or if a local AWS is to be used without credentials.
    """
    _check_url(endpoint_url)
    import boto3

    session = boto3.Session(region_name=region)
    if endpoint_url is not None and session.get_credentials() is None:
        raise UsageError(
            "This machine has no credentials, and a local AWS accepts any: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY to any word, such as test."
        )
    return session


def connect(environment: str, endpoint_url: str | None = None, session: "boto3.Session | None" = None) -> Deployment:
    """Connect to an environment.

    Parameters
    ----------
    endpoint_url
        Endpoint of a local AWS; `None` for AWS itself.
    session
        Session of the Region of the environment; by default, one with the credentials that boto3 finds.

    Raises
    ------
    UsageError
        If there is no environment of this name, if it is not deployed, or if a local AWS is to be used without
        credentials.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        If the request to AWS fails; `cli.cloud.errors.explained_errors` turns these into sentences.
    """
    _check_url(endpoint_url)
    region = settings_of(environment).region
    session = session or session_of(region, endpoint_url)
    stacks: _Stacks = session.client("cloudformation", endpoint_url=endpoint_url, config=CLIENT_CONFIG)
    return Deployment(
        environment=str(environment),
        region=region,
        outputs=_outputs_of(stacks, environment),
        session=session,
        endpoint_url=endpoint_url,
    )


def _check_url(endpoint_url: str | None) -> None:
    if endpoint_url is not None and not _is_url(endpoint_url):
        raise UsageError(f"--endpoint-url must be a URL such as http://127.0.0.1:5000, not {endpoint_url!r}.")


def _is_url(text: str) -> bool:
    try:
        return is_valid_endpoint_url(text) and urlsplit(text).port != 0
    except ValueError:  # the port is no number, or too large
        return False


def _outputs_of(stacks: _Stacks, environment: str) -> dict[str, str]:
    try:
        (stack,) = stacks.describe_stacks(StackName=stack_name(environment))["Stacks"]
    except ClientError as error:
        answer = error.response["Error"]
        # CloudFormation has no error code of its own for a missing stack.
        if answer["Code"] == "ValidationError" and "does not exist" in answer["Message"]:
            raise UsageError(
                f"There is no environment {environment!r} in this account: deploy it with "
                f"`make deploy ENV={environment}`."
            ) from error
        raise
    except KeyError as error:  # botocore raises it when the answer comes from another service
        raise CloudError(NO_ANSWER_OF_AWS) from error
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
