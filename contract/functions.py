"""Agreements about the Lambda functions: names, environment variables, metrics, and a log entry that others read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import ClassVar, Self

from contract.prices import Prices


class Function(StrEnum):
    """The Lambda functions, by the names of their packages below ``lambdas/``."""

    START_RUN = "start_run"
    RECORD_RUN = "record_run"
    DRAIN = "drain"

    @property
    def handler(self) -> str:
        """Dotted name of the function that Lambda calls."""
        return f"lambdas.{self}.handler.handler"


class Metric(StrEnum):
    """CloudWatch metrics. Each has its function's name as the dimension `DIMENSION`."""

    MESSAGES = "Messages"
    """Messages that `start_run` received."""
    NOTICES = "Notices"
    """Notices that `start_run` wrote."""
    UNUSABLE_NAMES = "UnusableNames"
    """Images that `start_run` refused because of their names."""
    RUN_SECONDS = "RunSeconds"
    """Seconds from the submission of a job run to its end."""
    RUN_COST_USD = "RunCostUSD"
    """Cost of a job run in USD."""


DIMENSION = "service"

NAMESPACE_VARIABLE = "POWERTOOLS_METRICS_NAMESPACE"
"""Environment variable from which Powertools reads the namespace of the metrics."""


def metrics_namespace(environment: str) -> str:
    """Return the CloudWatch namespace of an environment's metrics."""
    return f"Fruits/{environment}"


@dataclass(frozen=True, kw_only=True)
class StartRunVariables:
    """Environment variables of `start_run`.

    Attributes
    ----------
    bucket, coordination_table
        Names of the data bucket and of the coordination table.
    state_machine
        ARN of the state machine.
    gather_minutes
        Time in which at most one update by uploads starts.
    """

    bucket: str
    coordination_table: str
    state_machine: str
    gather_minutes: int

    def to_environment(self) -> dict[str, str]:
        """Return the values as environment variables."""
        return {name.upper(): str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the values from environment variables.

        Raises
        ------
        KeyError
            If a variable is missing.
        ValueError
            If the time is no number.
        """
        return cls(
            bucket=environment["BUCKET"],
            coordination_table=environment["COORDINATION_TABLE"],
            state_machine=environment["STATE_MACHINE"],
            gather_minutes=int(environment["GATHER_MINUTES"]),
        )


@dataclass(frozen=True, kw_only=True)
class RecordRunVariables:
    """Environment variables of `record_run`.

    Attributes
    ----------
    bucket, application_id
        Name of the data bucket; id of the EMR Serverless application.
    prices
        Prices for the application's Region and processor.
    """

    bucket: str
    application_id: str
    prices: Prices

    def to_environment(self) -> dict[str, str]:
        """Return the values as environment variables."""
        return {"BUCKET": self.bucket, "APPLICATION_ID": self.application_id, "PRICES": self.prices.to_json()}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the values from environment variables.

        Raises
        ------
        KeyError
            If a variable is missing.
        ValueError, TypeError
            If the prices can't be parsed.
        """
        return cls(
            bucket=environment["BUCKET"],
            application_id=environment["APPLICATION_ID"],
            prices=Prices.from_json(environment["PRICES"]),
        )


DRAINED_APPLICATION = "ApplicationId"
"""Property of the custom resource of `drain`: the id of its application."""


@dataclass(frozen=True, kw_only=True)
class DrainVariables:
    """Environment variables of `drain`.

    Attributes
    ----------
    state_machine
        ARN of the state machine.
    """

    state_machine: str

    def to_environment(self) -> dict[str, str]:
        """Return the values as environment variables."""
        return {"STATE_MACHINE": self.state_machine}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the values from environment variables.

        Raises
        ------
        KeyError
            If a variable is missing.
        """
        return cls(state_machine=environment["STATE_MACHINE"])


@dataclass(frozen=True, kw_only=True)
class IntakeEntry:
    """Log entry in which `start_run` reports a batch.

    Attributes
    ----------
    messages, notices
        Number of messages in the batch, and of notices that `start_run` made of them.
    """

    MESSAGE: ClassVar = "Taken in"
    """Text of the log entry, by which a reader recognises it."""

    batch_id: str
    messages: int
    notices: int

    @classmethod
    def from_line(cls, line: str) -> Self | None:
        """Read a line of the function's log; return `None` if it is another entry, or not JSON."""
        try:
            document = json.loads(line)
        except ValueError:
            return None
        if not isinstance(document, dict) or document.get("message") != cls.MESSAGE:
            return None
        return cls(**{field.name: document[field.name] for field in fields(cls)})
