"""Names by which the users of an environment find its stack, and by which they configure a synthesis."""

from dataclasses import dataclass
from enum import StrEnum

UNKNOWN_REVISION = "unknown"
"""Revision of a deployment that was not made from a git repository."""


@dataclass(frozen=True, kw_only=True)
class DeployedVersion:
    """What a deployment has deployed.

    Attributes
    ----------
    revision
        Revision of the code: the first 12 digits of the git commit, with ``-changed`` behind it if files differ from
        the commit; `UNKNOWN_REVISION` without git.
    model
        Weights as the settings name them, and the first 12 digits of the hash of the model's package, such as
        ``imagenet 3f9c51a07b2e``.
    """

    revision: str
    model: str


class ContextKey(StrEnum):
    """Keys of the CDK context (``cdk deploy -c KEY=VALUE``) that the app reads."""

    ENVIRONMENT = "env"
    """Name of the environment."""
    REHEARSAL = "rehearsal"
    """JSON object of settings for a synthesis that is not deployed to AWS; it also leaves out the choices."""


class Output(StrEnum):
    """Outputs of the stack."""

    BUCKET = "Bucket"
    STATE_MACHINE = "StateMachine"
    COORDINATION_TABLE = "CoordinationTable"
    QUEUE = "Queue"
    DEAD_LETTERS = "DeadLetters"
    APPLICATION = "Application"
    DATABASE = "Database"
    WORKGROUP = "Workgroup"
    DASHBOARD = "Dashboard"
    REVISION = "Revision"
    MODEL = "Model"


def execution_page(region: str, execution: str) -> str:
    """Return the URL of the AWS console for an execution, which `execution` names by its ARN."""
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution}"


def stack_name(environment: str) -> str:
    """Return the name of the stack of an environment."""
    return f"fruits-{environment}"
