"""The section `rehearsal`: what `fruits rehearse` prints about its own duration and results."""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from handover.commands import run_fruits
from handover.errors import FailedError
from handover.figures.machine import machine


@dataclass(frozen=True, kw_only=True)
class RehearsalFigures:
    """A rehearsal of the cloud: deployment, upload, run, changed images, destruction."""

    date: str
    seconds: float
    """Duration from the start of the local AWS to the check that nothing is left."""
    deploy_seconds: float
    """Duration until the stack is deployed."""
    images: int
    """Rows of the matrix after the upload."""
    rejects: int
    machine: dict[str, Any]


PATTERNS = {
    "deploy_seconds": r"^ *([\d.]+) s  CDK +\S+ is deployed",
    "seconds": r"^ *([\d.]+) s  CDK +\S+ is destroyed",
    "images": r"^ *[\d.]+ s  results +(\d+) images, \d+ refused",
    "rejects": r"^ *[\d.]+ s  results +\d+ images, (\d+) refused",
}
"""Figure → the line of the rehearsal that names it."""


def rehearse() -> dict[str, Any]:
    """Run a rehearsal, which takes minutes, and return the section.

    Raises
    ------
    FailedError
        If the rehearsal fails, or does not print a line that it should.
    """
    return rehearsal_figures(run_fruits("rehearse", captured=True))


def rehearsal_figures(printed: str) -> dict[str, Any]:
    """Return the section for the lines that a rehearsal has printed.

    Raises
    ------
    FailedError
        If a line is missing.
    """
    found = {name: re.search(pattern, printed, re.MULTILINE) for name, pattern in PATTERNS.items()}
    if missing := [name for name, match in found.items() if match is None]:
        raise FailedError(
            f"The rehearsal has not printed the line of {', '.join(missing)}: adapt PATTERNS in {__name__}."
        )
    numbers = {name: float(match[1]) for name, match in found.items() if match}
    return asdict(
        RehearsalFigures(
            date=datetime.now(UTC).date().isoformat(),
            seconds=numbers["seconds"],
            deploy_seconds=numbers["deploy_seconds"],
            images=int(numbers["images"]),
            rejects=int(numbers["rejects"]),
            machine=machine(),
        )
    )
