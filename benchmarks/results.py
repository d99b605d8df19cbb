"""The results of all benchmarks of one call, as a table and as JSON."""

import json
import math
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measurement import Comparison, Figure, Section, Setting
from benchmarks.peers import PYTHON
from localspark.java import find_java

PACKAGES = ("pyspark", "ai-edge-litert", "numpy", "pillow", "pyarrow", "obstore", "boto3", "scikit-learn")
"""Packages of this project on which the figures depend."""

PEER_PACKAGES = ("daft", "ray", "onnxruntime", "awscli", "cleanvision")


@dataclass(frozen=True)
class Outcome:
    """What one benchmark has returned, or the error that ended it."""

    name: str
    seconds: float
    section: Section | None
    error: str | None = None

    def __post_init__(self) -> None:
        if (self.section is None) == (self.error is None):
            raise ValueError(f"{self.name} has either a section or an error")

    def to_markdown(self) -> str:
        """Return a heading, a table of the figures, and a table of the comparisons."""
        if self.section is None:
            return f"## {self.name}\n\nThis benchmark failed: {self.error}\n"
        figures = [f"| {figure.name} | {figure.unit} | {_spread(figure.values)} |" for figure in self.section.figures]
        blocks = [f"## {self.section.title}", _table("| what | unit | median (range) |", figures)]
        if self.section.comparisons:
            lines = [
                f"| {one.name} | {_spread(one.ratios)} | {_target(one)} | {_verdict(one)} |"
                for one in self.section.comparisons
            ]
            blocks.append(_table("| ratio | median (range) | target | |", lines))
        return "\n\n".join(blocks) + "\n"

    def to_document(self) -> dict[str, Any]:
        """Return the outcome with every value of every round."""
        document: dict[str, Any] = {"name": self.name, "seconds": round(self.seconds, 1), "error": self.error}
        if self.section:
            document["title"] = self.section.title
            document["figures"] = [_with_median(figure) for figure in self.section.figures]
            document["comparisons"] = [
                _with_median(one) | {"is_reached": one.is_reached} for one in self.section.comparisons
            ]
        return document


@dataclass(frozen=True)
class Results:
    """The outcomes of one call, and the circumstances."""

    circumstances: dict[str, Any]
    outcomes: tuple[Outcome, ...] = ()

    @classmethod
    def begun(cls, setting: Setting, images: str) -> "Results":
        """Return results without outcomes, with a description of this machine."""
        return cls(
            {
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
                "size": setting.size,
                "rounds": setting.rounds,
                "images": images,
                "weights": Path(setting.weights).name,
                "machine": machine(),
                "versions": versions(),
            }
        )

    def with_outcome(self, outcome: Outcome) -> "Results":
        """Return results with one more outcome."""
        return replace(self, outcomes=(*self.outcomes, outcome))

    @property
    def failed(self) -> list[str]:
        """Names of the benchmarks that failed."""
        return [outcome.name for outcome in self.outcomes if outcome.error]

    @property
    def comparisons(self) -> list[Comparison]:
        """The comparisons of all benchmarks."""
        return [one for outcome in self.outcomes if outcome.section for one in outcome.section.comparisons]

    def to_markdown(self) -> str:
        """Return all tables, with the circumstances above them."""
        machine = self.circumstances["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in self.circumstances["versions"].items())
        missed = sum(not one.is_reached for one in self.comparisons)
        run = (
            f"{self.circumstances['date']}, size {self.circumstances['size']}, medians of "
            f"{self.circumstances['rounds']} rounds unless a figure has fewer values; images: "
            f"{self.circumstances['images']}; weights: {self.circumstances['weights']}."
        )
        place = (
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}; load "
            f"average at the start {machine['load']}. {versions}."
        )
        targets = f"Targets missed: {missed} of {sum(_target(one) != '' for one in self.comparisons)}."
        head = ["# Benchmarks", run, place, targets]
        return "\n\n".join(head + [outcome.to_markdown().rstrip() for outcome in self.outcomes]) + "\n"

    def to_json(self) -> str:
        """Return everything as a JSON document."""
        document = self.circumstances | {"benchmarks": [outcome.to_document() for outcome in self.outcomes]}
        return json.dumps(document, indent=2) + "\n"


def machine() -> dict[str, Any]:
    """Describe this machine."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 1),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python, Java, and the packages on which the figures depend."""
    found = {"Python": platform.python_version(), "Java": _java_version()}
    found |= {name: version(name) for name in PACKAGES}
    if PYTHON.exists():
        program = f"from importlib.metadata import version; print(*map(version, {PEER_PACKAGES}))"
        numbers = subprocess.check_output([PYTHON, "-c", program], text=True).split()
        found |= dict(zip(PEER_PACKAGES, numbers, strict=True))
    return found


def _java_version() -> str:
    answer = subprocess.run(
        [find_java(os.environ) / "bin" / "java", "-version"], capture_output=True, text=True, check=True
    )
    return answer.stderr.split('"')[1]


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if sys.platform == "linux" and information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _table(head: str, lines: list[str]) -> str:
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *lines])


def _spread(values: tuple[float, ...]) -> str:
    ordered = sorted(values)
    middle = _number(Figure("", "", values).median)
    return middle if len(ordered) == 1 else f"{middle} ({_number(ordered[0])} to {_number(ordered[-1])})"


def _number(value: float) -> str:
    """Return a number with at least three significant digits, and without an exponent."""
    decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{decimals}f}"


def _target(comparison: Comparison) -> str:
    bounds = [
        f"{sign} {bound:g}"
        for sign, bound in (("≥", comparison.at_least), ("≤", comparison.at_most))
        if bound is not None
    ]
    return ", ".join(bounds)


def _verdict(comparison: Comparison) -> str:
    if not _target(comparison):
        return ""
    return "reached" if comparison.is_reached else "**missed**"


def _with_median(measured: Figure | Comparison) -> dict[str, Any]:
    return asdict(measured) | {"median": measured.median}
