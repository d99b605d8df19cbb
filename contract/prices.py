"""Prices of EMR Serverless."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from contract.workflow import Usage


@dataclass(frozen=True, kw_only=True)
class Prices:
    """List prices of EMR Serverless in one Region, in USD. Compare them with the prices of your account.

    Attributes
    ----------
    vcpu_hour, gb_hour
        Price of one vCPU, and of one GB of memory, of a worker for an hour.
    storage_gb_hour
        Price of one GB of a worker's disk beyond its first 20 GB, for an hour.
    """

    vcpu_hour: float
    gb_hour: float
    storage_gb_hour: float = 0.000111

    def cost(self, usage: Usage) -> float:
        """Return the cost of a job run in USD, rounded to a millionth."""
        return round(
            usage.vcpu_hours * self.vcpu_hour
            + usage.memory_gb_hours * self.gb_hour
            + usage.storage_gb_hours * self.storage_gb_hour,
            6,
        )

    def to_json(self) -> str:
        """Return the prices as a JSON document."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the prices from a JSON document.

        Raises
        ------
        ValueError, TypeError
            If the document does not contain prices.
        """
        return cls(**json.loads(text))
