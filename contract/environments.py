"""Names by which the users of an environment find its stack, and by which they configure a synthesis."""

from enum import StrEnum


class ContextKey(StrEnum):
    """Keys of the CDK context (``cdk deploy -c KEY=VALUE``) that the app reads."""

    ENVIRONMENT = "env"
    """Name of the environment."""
    WEIGHTS = "weights"
    EMAIL = "email"
    """Address that receives alarms."""
    ARCHITECTURE = "architecture"
    PYTHON = "python"


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


def execution_page(region: str, execution: str) -> str:
    """Return the URL of the AWS console for an execution, which `execution` names by its ARN."""
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution}"


def stack_name(environment: str) -> str:
    """Return the name of the stack of an environment."""
    return f"fruits-{environment}"
