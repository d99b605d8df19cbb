"""What the stack gives the Lambda functions as environment variables, and the metrics that they emit."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Self

from contract.prices import Prices


class Function(StrEnum):
    """The Lambda functions, by the names of their packages below ``lambdas/``."""

    START_RUN = "start_run"
    RECORD_RUN = "record_run"


class Metric(StrEnum):
    """CloudWatch metrics that the functions emit, each under its function's name as the dimension `DIMENSION`."""

    MESSAGES = "Messages"
    """Messages that `start_run` received."""
    NOTICES = "Notices"
    """Notices that `start_run` wrote."""
    UNUSABLE_NAMES = "UnusableNames"
    """Images that `start_run` refused because of their names."""
    RUN_SECONDS = "RunSeconds"
    """Seconds from the submission of a job to its end."""
    RUN_COST_USD = "RunCostUSD"
    """Cost of a job in USD."""


DIMENSION = "service"

NAMESPACE_VARIABLE = "POWERTOOLS_METRICS_NAMESPACE"
"""The environment variable from which Powertools reads the namespace of the metrics."""


def metrics_namespace(environment: str) -> str:
    """Name the CloudWatch namespace of an environment's metrics."""
    return f"Fruits/{environment}"


@dataclass(frozen=True, kw_only=True)
class StartRunVariables:
    """What `start_run` needs to know of the stack.

    Attributes
    ----------
    bucket, coordination_table
        Names of the data bucket and of the coordination table.
    state_machine
        ARN of the state machine.
    """

    bucket: str
    coordination_table: str
    state_machine: str

    def to_environment(self) -> dict[str, str]:
        """Write the values as environment variables."""
        return {field.name.upper(): getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the values back.

        Raises
        ------
        KeyError
            If a variable is missing.
        """
        return cls(**{field.name: environment[field.name.upper()] for field in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class RecordRunVariables:
    """What `record_run` needs to know of the stack.

    Attributes
    ----------
    bucket, application_id
        Name of the data bucket, and id of the EMR Serverless application.
    prices
        Prices of the application's Region and processor.
    """

    bucket: str
    application_id: str
    prices: Prices

    def to_environment(self) -> dict[str, str]:
        """Write the values as environment variables."""
        return {"BUCKET": self.bucket, "APPLICATION_ID": self.application_id, "PRICES": self.prices.to_json()}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the values back.

        Raises
        ------
        KeyError, ValueError
            If a variable is missing, or the prices are none.
        """
        return cls(
            bucket=environment["BUCKET"],
            application_id=environment["APPLICATION_ID"],
            prices=Prices.from_json(environment["PRICES"]),
        )
