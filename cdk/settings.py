"""What differs between the environments: validated once, here. Imports nothing of AWS: commands read it, too."""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from contract.prices import Prices
from contract.versions import IMAGE_PYTHONS, RELEASES, SPARK, SPARK_OF_RELEASE

EU_REGIONS = ("eu-west-1", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2")
"""Regions of AWS in the European Union: London and Zurich are not."""

WORKER_SIZES = {1: (2, 8), 2: (4, 16), 4: (8, 30), 8: (16, 60)}
"""vCPUs of a worker → least and most memory in GB that EMR Serverless gives it."""


class SettingsError(ValueError):
    """A setting of an environment can't be right; the message says which, and what to do."""


class Architecture(StrEnum):
    """Processors of the workers."""

    ARM64 = "ARM64"
    X86_64 = "X86_64"


X86_PRICES = {
    "eu-west-1": Prices(vcpu_hour=0.052624, gb_hour=0.0057785),
    "eu-west-3": Prices(vcpu_hour=0.06318, gb_hour=0.00689),
    "eu-central-1": Prices(vcpu_hour=0.060528, gb_hour=0.006643),
    "eu-north-1": Prices(vcpu_hour=0.05785, gb_hour=0.00637),
    # Not known: those of the dearest Region that is.
    "eu-south-1": Prices(vcpu_hour=0.06318, gb_hour=0.00689),
    "eu-south-2": Prices(vcpu_hour=0.06318, gb_hour=0.00689),
}

ARM_DISCOUNT = 0.8
"""Prices on arm64, as a share of those on x86_64."""


def list_prices(region: str, architecture: Architecture) -> Prices:
    """Look up the list prices of a Region."""
    x86 = X86_PRICES[region]
    if architecture is Architecture.X86_64:
        return x86
    return Prices(vcpu_hour=x86.vcpu_hour * ARM_DISCOUNT, gb_hour=x86.gb_hour * ARM_DISCOUNT)


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Size of a Spark driver or executor.

    Attributes
    ----------
    vcpus
        1, 2, 4 or 8.
    memory_gb
        All that the worker has; the JVM gets part of it, Python the rest.
    """

    vcpus: int
    memory_gb: int

    def __post_init__(self) -> None:
        if self.vcpus not in WORKER_SIZES:
            raise SettingsError(f"A worker has 1, 2, 4 or 8 vCPUs, not {self.vcpus}.")
        least, most = WORKER_SIZES[self.vcpus]
        if not least <= self.memory_gb <= most:
            raise SettingsError(
                f"A worker of {self.vcpus} vCPUs has {least} to {most} GB of memory, not {self.memory_gb}."
            )


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a run may take at most.

    Attributes
    ----------
    driver, executor
        Their sizes.
    max_executors
        Spark asks for as many as it has tasks for, and for no more than these.
    """

    driver: Worker = field(default_factory=lambda: Worker(vcpus=2, memory_gb=8))
    executor: Worker = field(default_factory=lambda: Worker(vcpus=4, memory_gb=16))
    max_executors: int = 3

    def __post_init__(self) -> None:
        if self.max_executors < 1:
            raise SettingsError(f"max_executors must be at least 1, not {self.max_executors}.")

    @property
    def vcpus(self) -> int:
        """Of driver and all executors."""
        return self.driver.vcpus + self.max_executors * self.executor.vcpus

    @property
    def memory_gb(self) -> int:
        """Of driver and all executors."""
        return self.driver.memory_gb + self.max_executors * self.executor.memory_gb


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One deployment: its own bucket, its own workflow, its own Spark.

    Attributes
    ----------
    name
        ``dev``, ``staging``, ``prod``, or another short word.
    region
        In the European Union.
    keep_data
        Whether destroying the stack leaves the bucket and the tables, and the stack is protected against it.
    architecture, release_label, capacity
        Of EMR Serverless.
    python
        Version of Python of the workers and the functions.
    idle_minutes
        After which the application stops.
    job_timeout_minutes
        After which a run is cancelled.
    job_attempts
        How often a run is tried, crashes of its machine included.
    turn_seconds
        Between two looks of an execution that waits its turn.
    weights
        ``imagenet``, ``seeded`` (for trials), or a file: exported once, at deployment.
    pipeline_options
        Options of the application, such as ``("--components", "50")``.
    results_days, logs_days
        After which results of old runs, and logs, are deleted.
    retention_days
        What `maintain` spares of states of the tables that are over: an erased image is gone as much later.
    reconcile_at, maintain_at
        Hour and minute of every day, time of Paris (``02:30``); None for never.
    alarm_email
        Who is told when something breaks, or costs too much; None for nobody.
    monthly_budget_usd
        Of which 80 % spent, or 100 % forecast, are told.
    usual_run_minutes
        A job that takes longer raises an alarm.
    query_limit_gb
        What a query of Athena may read at most.
    """

    name: str
    region: str = "eu-west-1"
    keep_data: bool = True
    architecture: Architecture = Architecture.ARM64
    release_label: str = RELEASES[0]
    python: str = IMAGE_PYTHONS[0]
    capacity: Capacity = field(default_factory=Capacity)
    idle_minutes: int = 1
    job_timeout_minutes: int = 360
    job_attempts: int = 2
    turn_seconds: int = 180
    weights: str = "imagenet"
    pipeline_options: tuple[str, ...] = ()
    results_days: int = 90
    logs_days: int = 30
    retention_days: int = 7
    reconcile_at: str | None = "02:30"
    maintain_at: str | None = "04:30"
    alarm_email: str | None = None
    monthly_budget_usd: float = 100.0
    usual_run_minutes: int = 60
    query_limit_gb: int = 10

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]{1,11}", self.name):
            raise SettingsError(
                f"The name of an environment is 2 to 12 lower-case letters and digits, not {self.name!r}."
            )
        if self.region not in EU_REGIONS:
            raise SettingsError(
                f"{self.region} is not in the European Union, where users' photos must stay: choose one of "
                f"{', '.join(EU_REGIONS)}."
            )
        self._check_versions()
        for at in (self.reconcile_at, self.maintain_at):
            if at is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at):
                raise SettingsError(f"Schedules are hour and minute, such as 02:30, or None, not {at!r}.")
        if self.alarm_email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.alarm_email):
            raise SettingsError(f"alarm_email is no e-mail address: {self.alarm_email!r}.")
        for option in self.pipeline_options:
            if not re.fullmatch(r"[\w.,:/=-]+", option):
                raise SettingsError(f"An option of the pipeline has letters, digits and .,:/=- only, not {option!r}.")
        self._check_ranges()

    def _check_versions(self) -> None:
        if self.release_label not in RELEASES:
            spark = SPARK_OF_RELEASE.get(self.release_label)
            raise SettingsError(
                f"The packages are made for Spark {SPARK}: release_label is {' or '.join(RELEASES)}, not "
                f"{self.release_label!r}{f', which has Spark {spark}' if spark else ''}."
            )
        if self.python not in IMAGE_PYTHONS:
            raise SettingsError(
                f"The image of {self.release_label} has Python {' and '.join(IMAGE_PYTHONS)}, not {self.python!r}."
            )

    def _check_ranges(self) -> None:
        ranges = {
            "idle_minutes": (1, 5),
            "job_timeout_minutes": (5, 1440),
            "job_attempts": (1, 5),
            "turn_seconds": (1, 600),
            "results_days": (1, 3650),
            "retention_days": (1, 365),
            "usual_run_minutes": (1, 1440),
            "query_limit_gb": (1, 1000),
            "monthly_budget_usd": (1, 1_000_000),
        }
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise SettingsError(f"{name} is {least} to {most}, not {getattr(self, name)}.")
        if self.logs_days not in LOG_DAYS:
            raise SettingsError(f"logs_days is one of {', '.join(map(str, LOG_DAYS))}, not {self.logs_days}.")

    @property
    def database(self) -> str:
        """Name of the database in the catalog of AWS Glue."""
        return f"fruits_{self.name}"

    @property
    def prices(self) -> Prices:
        """List prices where this environment runs."""
        return list_prices(self.region, self.architecture)


LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365)
"""How long CloudWatch can keep logs, in days."""

ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment(
            name="dev",
            keep_data=False,
            results_days=14,
            logs_days=7,
            retention_days=1,
            reconcile_at=None,
            maintain_at=None,
            monthly_budget_usd=20,
        ),
        Environment(name="staging", results_days=30, monthly_budget_usd=50),
        Environment(
            name="prod",
            capacity=Capacity(driver=Worker(vcpus=4, memory_gb=16), max_executors=25),
            job_timeout_minutes=720,
            monthly_budget_usd=500,
        ),
    )
}


def environment_named(
    name: str,
    *,
    weights: str | None = None,
    alarm_email: str | None = None,
    architecture: str | None = None,
    python: str | None = None,
) -> Environment:
    """Look up the settings of an environment.

    Parameters
    ----------
    name
        Of the environment.
    weights, alarm_email, architecture, python
        What the call to deploy says instead of the settings, if anything.

    Raises
    ------
    SettingsError
        If there is no such environment, or a value can't be right.
    """
    if name not in ENVIRONMENTS:
        raise SettingsError(f"There is no environment {name!r}: it is one of {', '.join(ENVIRONMENTS)}.")
    settings = ENVIRONMENTS[name]
    if architecture not in {None, *Architecture}:
        raise SettingsError(f"There is no architecture {architecture!r}: it is {' or '.join(Architecture)}.")
    return replace(
        settings,
        weights=weights or settings.weights,
        alarm_email=alarm_email or settings.alarm_email,
        architecture=Architecture(architecture or settings.architecture),
        python=python or settings.python,
    )
