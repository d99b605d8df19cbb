"""A check, and what it finds. A check that fails itself is a finding, too."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum

from spark_app.errors import FruitsError

THREADS = 16
"""Number of checks at once. Most wait for other programs, or for the network."""


class Status(StrEnum):
    """What a finding means."""

    OK = "ok"
    WARN = "warn"
    """Something does not work that not every user needs."""
    FAIL = "fail"
    """Runs, or the commands for the environment, will not work."""
    SKIP = "skip"
    """The check was not possible here, or was not asked for."""


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    Attributes
    ----------
    found
        What there is, in a few words.
    advice
        What to do, in a sentence; empty if there is nothing to do.
    """

    status: Status
    found: str
    advice: str = ""

    def __post_init__(self) -> None:
        if self.status in {Status.WARN, Status.FAIL} and not self.advice:
            raise ValueError(f"the finding {self.found!r} needs an advice")


@dataclass(frozen=True)
class Check:
    """A check: the subject that it examines, and the function that does so."""

    name: str
    examine: Callable[[], Finding]


def ok(found: str) -> Finding:
    """Return a finding that needs no advice."""
    return Finding(Status.OK, found)


def warn(found: str, advice: str) -> Finding:
    """Return a finding about something that not every user needs."""
    return Finding(Status.WARN, found, advice)


def fail(found: str, advice: str) -> Finding:
    """Return a finding about something without which nothing works."""
    return Finding(Status.FAIL, found, advice)


def skip(found: str) -> Finding:
    """Return a finding that says why a check was not possible."""
    return Finding(Status.SKIP, found)


def lenient(check: Check) -> Check:
    """Return a check whose failures are warnings, because the user has not asked for what it examines."""

    def examine() -> Finding:
        finding = _examine(check)
        return replace(finding, status=Status.WARN) if finding.status is Status.FAIL else finding

    return Check(check.name, examine)


def examine_all(checks: Sequence[Check]) -> list[tuple[Check, Finding]]:
    """Make all checks at the same time, and return their findings in the order of the checks."""
    with ThreadPoolExecutor(THREADS) as threads:
        return list(zip(checks, threads.map(_examine, checks), strict=True))


def _examine(check: Check) -> Finding:
    try:
        return check.examine()
    except FruitsError as error:
        return Finding(Status.FAIL, "not usable", str(error))
    except Exception as error:  # noqa: BLE001 -- a check that crashes must not hide the others
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Finding(Status.FAIL, "the check itself failed", f"Report this: {reason}")
