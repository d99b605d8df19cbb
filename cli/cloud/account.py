"""`fruits account`: says which AWS account the credentials lead to, and whether it is prepared for deployments."""

import argparse
from typing import Any

import botocore.exceptions

from cdk.settings import EnvironmentSettingsError, environment_named
from cli.cloud.environment import CLIENT_CONFIG
from cli.cloud.errors import DENIED, explained_errors
from cli.subcommands import Subcommands, add_subcommand
from contract.environments import stack_name
from spark_app.errors import UsageError

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
"""Parameter of Systems Manager that `cdk bootstrap` writes."""

CREATION_FAILED = "ROLLBACK_COMPLETE"
"""Status of a stack whose creation has failed, and which holds nothing. Nothing but its deletion is possible."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits account`."""
    parser = add_subcommand(subcommands, "account")
    parser.add_argument("--env", required=True, metavar="NAME", help="environment: dev, staging or prod")
    parser.add_argument("--endpoint-url", metavar="URL", help="endpoint of a local AWS, such as that of a rehearsal")
    parser.add_argument(
        "--deploy", action="store_true", help="let a deployment replace a stack whose creation has failed"
    )
    parser.set_defaults(command=_account)


@explained_errors()
def _account(arguments: argparse.Namespace) -> int:
    try:
        region = environment_named(arguments.env).region
    except EnvironmentSettingsError as error:
        raise UsageError(str(error)) from error
    import boto3

    session: Any = boto3.Session(region_name=region)
    account = session.client("sts", endpoint_url=arguments.endpoint_url, config=CLIENT_CONFIG).get_caller_identity()
    print(f"Environment {arguments.env}: account {account['Account']}, {region}, as {account['Arn']}.")
    if not _is_bootstrapped(session.client("ssm", endpoint_url=arguments.endpoint_url, config=CLIENT_CONFIG)):
        raise UsageError(
            f"This account is not prepared for deployments to {region}: run "
            f"`.venv/bin/cdk bootstrap aws://{account['Account']}/{region}` once."
        )
    if arguments.deploy:
        release_failed_stack(
            session.client("cloudformation", endpoint_url=arguments.endpoint_url, config=CLIENT_CONFIG), arguments.env
        )
    return 0


def release_failed_stack(cloudformation: Any, environment: str) -> None:  # noqa: ANN401 -- boto3's client
    """End the termination protection of a stack whose creation has failed.

    The CDK command protects a stack before it creates it, and deletes a stack whose creation has failed before it
    creates it anew. AWS refuses this deletion while the stack is protected.
    """
    name = stack_name(environment)
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except botocore.exceptions.ClientError:
        return  # there is no such stack, or only the role that the CDK command assumes may look
    if stack["StackStatus"] == CREATION_FAILED and stack.get("EnableTerminationProtection"):
        cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        print(f"The creation of {name} had failed. The empty stack is no longer protected, and will be replaced.")


def _is_bootstrapped(ssm: Any) -> bool:  # noqa: ANN401 -- boto3's client
    try:
        ssm.get_parameter(Name=BOOTSTRAP_PARAMETER)
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ParameterNotFound":
            return False
        if code not in DENIED:  # the CDK command may assume a role that has the permission
            raise
    return True
