"""What goes wrong on purpose: a service that refuses now and then, a process that dies in the middle of a call."""

import os
import signal
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from localaws.account import LocalAws, LocalAwsError
from localaws.policies import matches


class Kind(StrEnum):
    """What happens."""

    UNAVAILABLE = "unavailable"
    """The service answers 503, as when it is asked too much."""

    CRASH = "crash"
    """Whoever calls is killed, before the call has any effect."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong.

    Attributes
    ----------
    kind
        What.
    action
        Of which calls, as a pattern of IAM: ``s3:*``.
    role
        Of which roles, as a pattern of their ARNs.
    skip
        Calls that go well before.
    every
        From then on each so many-th call is struck: 1 for all.
    times
        After so many it is over; None for never.
    """

    kind: Kind
    action: str
    role: str = "*"
    skip: int = 0
    every: int = 1
    times: int | None = None

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read a fault back.

        Raises
        ------
        LocalAwsError
            If the document is none.
        """
        try:
            return cls(**{**document, "kind": Kind(document["kind"])})
        except (KeyError, TypeError, ValueError) as error:
            raise LocalAwsError(f"This is no fault: {document} ({error}).") from error


class Faults:
    """The faults of the moment: none, unless somebody asks for them."""

    def __init__(self) -> None:
        self._calls: dict[Fault, int] = {}
        self._lock = threading.Lock()

    def put(self, faults: list[Fault]) -> None:
        """Take these faults in the place of those before."""
        with self._lock:
            self._calls = dict.fromkeys(faults, 0)

    def struck(self) -> dict[str, int]:
        """Count what went wrong so far, by action."""
        with self._lock:
            return {fault.action: _strikes(fault, calls) for fault, calls in self._calls.items()}

    def strike(self, aws: LocalAws, role_arn: str, action: str) -> Kind | None:
        """Say what goes wrong with a call, if anything; if it is a crash, let it happen."""
        with self._lock:
            kind = next((fault.kind for fault in self._calls if self._hits(fault, role_arn, action)), None)
        if kind is Kind.CRASH and role_arn in aws.processes:
            os.killpg(aws.processes[role_arn], signal.SIGKILL)
        return kind

    def _hits(self, fault: Fault, role_arn: str, action: str) -> bool:
        if not (matches(fault.action, action) and matches(fault.role, role_arn)):
            return False
        before = _strikes(fault, self._calls[fault])
        self._calls[fault] += 1
        return _strikes(fault, self._calls[fault]) > before


def _strikes(fault: Fault, calls: int) -> int:
    """Count how often a fault has struck after so many calls."""
    strikes = max(0, calls - fault.skip + fault.every - 1) // fault.every
    return strikes if fault.times is None else min(strikes, fault.times)
