"""Names by which the deployment of an environment, and whoever uses it, find each other."""

from enum import StrEnum


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
    """Page of the AWS console that shows an execution of the workflow."""
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution}"


def stack_name(environment: str) -> str:
    """Name of the stack of an environment."""
    return f"fruits-{environment}"
