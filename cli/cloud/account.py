"""`fruits account`: says which AWS account the credentials lead to, and whether it is prepared for deployments."""

import argparse
from typing import Any

import botocore.exceptions

from cli.as_json import add_json_argument, print_json
from cli.cloud.environment import CLIENT_CONFIG, add_environment_arguments, session_of, settings_of
from cli.cloud.errors import DENIED, explained_errors
from cli.subcommands import Subcommands, add_subcommand
from contract.environments import stack_name
from spark_app.errors import UsageError

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
"""Parameter of Systems Manager that `cdk bootstrap` writes."""

NOT_BOOTSTRAPPED = 0
"""Version of the bootstrap of a Region that has none."""

CREATION_FAILED = "ROLLBACK_COMPLETE"
"""Status of a stack whose creation has failed, and which holds nothing. Nothing but its deletion is possible."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits account`."""
    parser = add_subcommand(subcommands, "account")
    add_environment_arguments(parser)
    add_json_argument(parser)
    parser.add_argument(
        "--deploy", action="store_true", help="let a deployment replace a stack whose creation has failed"
    )
    parser.set_defaults(command=_account)


@explained_errors()
def _account(arguments: argparse.Namespace) -> int:
    region = settings_of(arguments.env).region
    session: Any = session_of(region, arguments.endpoint_url)
    account = session.client("sts", endpoint_url=arguments.endpoint_url, config=CLIENT_CONFIG).get_caller_identity()
    version = bootstrap_version(session.client("ssm", endpoint_url=arguments.endpoint_url, config=CLIENT_CONFIG))
    if arguments.json:
        found = {"account": account["Account"], "region": region, "arn": account["Arn"], "bootstrap_version": version}
        print_json({"environment": arguments.env, **found})
    else:
        print(f"Environment {arguments.env}: account {account['Account']}, {region}, as {account['Arn']}.")
    if version == NOT_BOOTSTRAPPED:
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


def bootstrap_version(ssm: Any) -> int | None:  # noqa: ANN401 -- boto3's client
    """Return the version of CDK's bootstrap in a Region.

    Returns
    -------
    int or None
        `NOT_BOOTSTRAPPED` if there is none; `None` if the credentials have no permission to ask. The CDK command may
        assume a role that has the permission.
    """
    try:
        return int(ssm.get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"])
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ParameterNotFound":
            return NOT_BOOTSTRAPPED
        if code not in DENIED:
            raise
    return None
