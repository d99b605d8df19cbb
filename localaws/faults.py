"""Faults on request: a service that is unavailable now and then, a process that is killed in the middle of a call."""

import os
import signal
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from localaws.account import LocalAws, LocalAwsError
from localaws.policies import matches


class Kind(StrEnum):
    """The effect of a fault."""

    UNAVAILABLE = "unavailable"
    """The service answers 503, as it does when it receives too many requests."""

    CRASH = "crash"
    """The process group of the caller is killed before the call has any effect."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault that strikes some of the calls that roles make.

    Attributes
    ----------
    action
        Pattern of the actions that are struck: ``s3:*``.
    role
        Pattern of the ARNs of roles whose calls are struck.
    skip
        Number of calls that succeed first.
    every
        The fault strikes one call in so many from then on; 1 strikes all.
    times
        Number of calls after which the fault ends; `None` for no end.
    """

    kind: Kind
    action: str
    role: str = "*"
    skip: int = 0
    every: int = 1
    times: int | None = None

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read a fault from a JSON object.

        Raises
        ------
        LocalAwsError
            If the object lacks a key, or has an unknown key or kind.
        """
        try:
            return cls(**{**document, "kind": Kind(document["kind"])})
        except (KeyError, TypeError, ValueError) as error:
            raise LocalAwsError(f"This is not a fault: {document} ({error}).") from error

    def strikes(self, calls: int) -> int:
        """Return how often the fault has struck after a number of calls that it is about."""
        strikes = max(0, calls - self.skip + self.every - 1) // self.every
        return strikes if self.times is None else min(strikes, self.times)


class Faults:
    """The faults that are active; none at the start."""

    def __init__(self) -> None:
        self._calls: dict[Fault, int] = {}
        self._lock = threading.Lock()

    def set(self, faults: list[Fault]) -> None:
        """Activate these faults, and end those before."""
        with self._lock:
            self._calls = dict.fromkeys(faults, 0)

    def struck(self) -> dict[str, int]:
        """Count the calls that the active faults have struck, by action."""
        with self._lock:
            return {fault.action: fault.strikes(calls) for fault, calls in self._calls.items()}

    def strike(self, aws: LocalAws, role_arn: str, action: str) -> Kind | None:
        """Return the kind of the fault that strikes a call, if any; a crash kills the caller at once."""
        with self._lock:
            kind = next((fault.kind for fault in self._calls if self._hits(fault, role_arn, action)), None)
        if kind is Kind.CRASH and role_arn in aws.processes:
            os.killpg(aws.processes[role_arn], signal.SIGKILL)
        return kind

    def _hits(self, fault: Fault, role_arn: str, action: str) -> bool:
        if not (matches(fault.action, action) and matches(fault.role, role_arn)):
            return False
        self._calls[fault] += 1
        return fault.strikes(self._calls[fault]) > fault.strikes(self._calls[fault] - 1)
