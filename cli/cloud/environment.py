"""An environment in the cloud: its resources, found through its stack, and clients for them."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import is_valid_endpoint_url

from cdk.settings import SettingsError, environment_named
from cli.cloud.errors import NO_ANSWER_OF_AWS, CloudError, NotDeployedError
from cli.cloud.parallel import THREADS
from contract.environments import Output, stack_name
from spark_app.errors import UsageError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


class _Stacks(Protocol):
    """What is needed of the client of CloudFormation."""

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """An environment as it is deployed.

    Attributes
    ----------
    environment
        Its name.
    region
        Where it is.
    outputs
        Of its stack.
    session
        Holds the credentials.
    endpoint_url
        Of a local AWS; None for the real one.
    """

    environment: str
    region: str
    outputs: Mapping[str, str]
    session: "boto3.Session" = field(repr=False)
    endpoint_url: str | None = None

    def resource(self, output: Output) -> str:
        """Name a resource.

        Raises
        ------
        NotDeployedError
            If the stack doesn't name it: it is not complete, or of another version.
        """
        if output not in self.outputs:
            raise NotDeployedError(
                f"The stack of environment {self.environment!r} has no output {output}: deploy it again with "
                f"`make deploy ENV={self.environment}`."
            )
        return self.outputs[output]

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.resource(Output.BUCKET)

    def command(self, words: str) -> str:
        """Write a `fruits` command on this environment, as its user would type it."""
        endpoint = f" --endpoint-url {self.endpoint_url}" if self.endpoint_url else ""
        return f"`fruits {words} --env {self.environment}{endpoint}`"

    @cached_property
    def s3(self) -> "S3Client":
        """Client of the bucket."""
        # A local AWS answers at one name, not at one for each bucket.
        style = Config(s3={"addressing_style": "path" if self.endpoint_url else "auto"})
        return self.session.client("s3", endpoint_url=self.endpoint_url, config=CONFIG.merge(style))

    @cached_property
    def stepfunctions(self) -> "SFNClient":
        """Client of the workflow."""
        return self.session.client("stepfunctions", endpoint_url=self.endpoint_url, config=CONFIG)

    @cached_property
    def emr(self) -> "EMRServerlessClient":
        """Client of the Spark application."""
        return self.session.client("emr-serverless", endpoint_url=self.endpoint_url, config=CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Client of the table of coordination."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint_url, config=CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        """Client of the queues."""
        return self.session.client("sqs", endpoint_url=self.endpoint_url, config=CONFIG)


CONFIG = Config(connect_timeout=10, retries={"mode": "standard"}, max_pool_connections=THREADS)
"""Of all clients."""


def add_environment_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which environment is meant."""
    parser.add_argument("--env", required=True, metavar="NAME", help="environment: dev, staging, prod")
    parser.add_argument("--endpoint-url", metavar="URL", help="of a local AWS, such as that of the rehearsal")


def deployment_of(arguments: argparse.Namespace) -> Deployment:
    """Find the environment that a command is about.

    Raises
    ------
    UsageError
        If there is none of this name, or it is not deployed.
    """
    return connect(arguments.env, arguments.endpoint_url)


def connect(environment: str, endpoint_url: str | None = None) -> Deployment:
    """Find the resources of an environment.

    Parameters
    ----------
    environment
        Its name.
    endpoint_url
        Of a local AWS; None for the real one.

    Raises
    ------
    UsageError
        If there is no environment of this name, or it is not deployed.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        If AWS can't be asked: see `cli.cloud.errors.explained_errors`.
    """
    import boto3

    try:
        region = environment_named(environment).region
    except SettingsError as error:
        raise UsageError(str(error)) from error
    if endpoint_url is not None and not is_valid_endpoint_url(endpoint_url):
        raise UsageError(f"--endpoint-url is such as http://127.0.0.1:5000, not {endpoint_url!r}.")
    session = boto3.Session(region_name=region)
    stacks: _Stacks = session.client("cloudformation", endpoint_url=endpoint_url, config=CONFIG)
    return Deployment(
        environment=environment,
        region=region,
        outputs=_outputs_of(stacks, environment),
        session=session,
        endpoint_url=endpoint_url,
    )


def _outputs_of(stacks: _Stacks, environment: str) -> dict[str, str]:
    try:
        (stack,) = stacks.describe_stacks(StackName=stack_name(environment))["Stacks"]
    except ClientError as error:
        answer = error.response["Error"]
        # CloudFormation has no code of its own for this.
        if answer["Code"] == "ValidationError" and "does not exist" in answer["Message"]:
            raise NotDeployedError(
                f"There is no environment {environment!r} in this account: deploy it with "
                f"`make deploy ENV={environment}`."
            ) from error
        raise
    except KeyError as error:  # of AWS's library, which looks for its fields in the document of something else
        raise CloudError(NO_ANSWER_OF_AWS) from error
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
