"""Settings of the environments, with their validation. Imports no AWS library, because the commands read it, too."""

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from contract.environments import stack_name
from contract.prices import Prices
from contract.versions import IMAGE_PYTHONS, RELEASES, SPARK, SPARK_OF_RELEASE
from contract.worker_memory import (
    DEFAULT_MEGABYTES,
    DEFAULT_MEGAPIXELS,
    IDLE_WORKER,
    MAX_MEGABYTES,
    MAX_MEGAPIXELS,
    memory_of_image,
)

EU_REGIONS = ("eu-west-1", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2")
"""Regions of AWS in the European Union. London and Zurich are not in it."""

WORKER_SIZES = {1: (2, 8), 2: (4, 16), 4: (8, 30), 8: (16, 60)}
"""Number of vCPUs of a worker of EMR Serverless → its minimum and maximum memory in GB."""


GIGABYTE = 2**30
JVM_OVERHEAD = GIGABYTE
"""Bytes of memory that the JVM of an executor takes beside its heap, from the half that is left to Python. Assumed."""


ENVIRONMENT_TAG = "environment"
"""Tag whose value is the name of the stack."""


class EnvironmentSettingsError(ValueError):
    """A setting of an environment is invalid; the message names it and says what to do."""


class Architecture(StrEnum):
    """Processor architectures of the workers."""

    ARM64 = "ARM64"
    X86_64 = "X86_64"


class Iceberg(StrEnum):
    """Where the jars of Iceberg come from: the deployment ships them, or EMR's image has them."""

    SHIPPED = "shipped"
    IMAGE = "image"


X86_PRICES = {
    "eu-west-1": Prices(vcpu_hour=0.052624, gb_hour=0.0057785),
    "eu-west-3": Prices(vcpu_hour=0.06318, gb_hour=0.00689),
    "eu-central-1": Prices(vcpu_hour=0.060528, gb_hour=0.006643),
    "eu-north-1": Prices(vcpu_hour=0.05785, gb_hour=0.00637),
    # The prices of these Regions are not known: they are set to those of the most expensive other Region.
    "eu-south-1": Prices(vcpu_hour=0.06318, gb_hour=0.00689),
    "eu-south-2": Prices(vcpu_hour=0.06318, gb_hour=0.00689),
}

ARM_DISCOUNT = 0.8
"""Prices on arm64, divided by those on x86_64."""


def list_prices(region: str, architecture: Architecture) -> Prices:
    """Return the list prices of a Region for an architecture."""
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
        Total memory, which the JVM and Python share.
    """

    vcpus: int
    memory_gb: int

    def __post_init__(self) -> None:
        if self.vcpus not in WORKER_SIZES:
            raise EnvironmentSettingsError(f"A worker has 1, 2, 4 or 8 vCPUs, not {self.vcpus}.")
        least, most = WORKER_SIZES[self.vcpus]
        if not least <= self.memory_gb <= most:
            raise EnvironmentSettingsError(
                f"A worker of {self.vcpus} vCPUs has {least} to {most} GB of memory, not {self.memory_gb}."
            )


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Maximum resources of a run.

    Attributes
    ----------
    max_executors
        Maximum number of executors. Spark requests as many as it has tasks for.
    """

    driver: Worker = field(default_factory=lambda: Worker(vcpus=2, memory_gb=8))
    executor: Worker = field(default_factory=lambda: Worker(vcpus=4, memory_gb=16))
    max_executors: int = 3

    def __post_init__(self) -> None:
        if self.max_executors < 1:
            raise EnvironmentSettingsError(f"max_executors must be at least 1, not {self.max_executors}.")

    @property
    def vcpus(self) -> int:
        """Total number of vCPUs of the driver and all executors."""
        return self.driver.vcpus + self.max_executors * self.executor.vcpus

    @property
    def memory_gb(self) -> int:
        """Total memory of the driver and all executors."""
        return self.driver.memory_gb + self.max_executors * self.executor.memory_gb


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Settings of one environment, which has its own bucket, state machine and Spark application.

    Attributes
    ----------
    name
        ``dev``, ``staging``, ``prod``, or another word of 2 to 12 lower-case letters and digits.
    region
        Region in the European Union.
    keep_data
        Whether the bucket and the tables outlive the stack, and the stack is protected against deletion.
    architecture, release_label, capacity
        Architecture, release and maximum resources of the EMR Serverless application.
    python
        Version of Python of the workers and the functions.
    iceberg
        ``shipped`` for the open-source jars with which the tests run, ``image`` for those of EMR's image.
    idle_minutes
        Idle time after which the application stops.
    job_timeout_minutes
        Time after which a job run is cancelled.
    no_progress_minutes
        Time without progress after which a job ends itself, because it hangs; 0 for never.
    job_attempts
        Maximum number of attempts to run a job, whether it fails or its machine crashes.
    turn_seconds
        Time after which a waiting execution tries again to acquire the lease.
    gather_minutes
        Time in which at most one update by uploads starts. The notices of later uploads gather in the meantime. A run
        that a user or a schedule starts does not wait.
    weights
        ``imagenet``, ``seeded`` (for trials), or an ``.h5`` or ``.keras`` file. A deployment exports the model once.
    pipeline_options
        Additional options of the application, such as ``("--components", "50")``.
    results_days, logs_days
        Time after which superseded results, and logs, are deleted.
    retention_days
        Retention of `maintain`: an erased image remains in older snapshots of the tables for this time.
    reconcile_at, maintain_at
        Time of day in Paris (``01:30``) at which the run starts every day; `None` for no schedule. Not between 02:00
        and 03:00, which one day a year does not have.
    alarm_email
        Address that receives alarms and messages about the budget; `None` for none.
    monthly_budget_usd
        AWS sends a message at 80 % of the budget spent and at 100 % forecast.
    usual_run_minutes
        Duration above which a job run raises an alarm while it runs, rounded up to five minutes.
    query_limit_gb
        Maximum amount of data that one Athena query may read.
    """

    name: str
    region: str = "eu-west-1"
    keep_data: bool = True
    architecture: Architecture = Architecture.ARM64
    release_label: str = RELEASES[0]
    python: str = IMAGE_PYTHONS[0]
    iceberg: Iceberg = Iceberg.SHIPPED
    capacity: Capacity = field(default_factory=Capacity)
    idle_minutes: int = 1
    job_timeout_minutes: int = 360
    no_progress_minutes: int = 30
    job_attempts: int = 2
    turn_seconds: int = 180
    gather_minutes: int = 15
    weights: str = "imagenet"
    pipeline_options: tuple[str, ...] = ()
    results_days: int = 90
    logs_days: int = 30
    retention_days: int = 7
    reconcile_at: str | None = "01:30"
    maintain_at: str | None = "04:30"
    alarm_email: str | None = None
    monthly_budget_usd: float = 100.0
    usual_run_minutes: int = 60
    query_limit_gb: int = 10

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]{1,11}", self.name):
            raise EnvironmentSettingsError(
                f"The name of an environment must be 2 to 12 lower-case letters and digits, not {self.name!r}."
            )
        if self.region not in EU_REGIONS:
            raise EnvironmentSettingsError(
                f"{self.region} is not in the European Union, where users' photos must stay: choose one of "
                f"{', '.join(EU_REGIONS)}."
            )
        self._check_versions()
        self._check_texts()
        self._check_ranges()
        self._check_memory()

    def _check_versions(self) -> None:
        if self.release_label not in RELEASES:
            spark = SPARK_OF_RELEASE.get(self.release_label)
            raise EnvironmentSettingsError(
                f"The packages are made for Spark {SPARK}: release_label must be {' or '.join(RELEASES)}, not "
                f"{self.release_label!r}{f', which has Spark {spark}' if spark else ''}."
            )
        if self.python not in IMAGE_PYTHONS:
            raise EnvironmentSettingsError(
                f"The image of {self.release_label} has Python {' and '.join(IMAGE_PYTHONS)}, not {self.python!r}."
            )

    def _check_texts(self) -> None:
        for at in (self.reconcile_at, self.maintain_at):
            if at is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at):
                raise EnvironmentSettingsError(
                    f"A schedule must be an hour and minute such as 01:30, or None, not {at!r}."
                )
            if at is not None and at.startswith(CHANGED_HOUR):
                raise EnvironmentSettingsError(
                    f"A schedule must not be between 02:00 and 03:00, as {at!r} is: Paris has no such hour on the day "
                    "on which summer time begins, and the run would be skipped. Choose a time such as 01:30."
                )
        if self.alarm_email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.alarm_email):
            raise EnvironmentSettingsError(f"alarm_email must be an e-mail address, not {self.alarm_email!r}.")
        for option in self.pipeline_options:
            if not re.fullmatch(r"[\w.,:/=-]+", option):
                raise EnvironmentSettingsError(
                    f"pipeline_options may contain letters, digits and _.,:/=- only, not {option!r}."
                )

    def _check_memory(self) -> None:
        """Compare the memory of an executor with that of its Python workers, one per vCPU, at the limits of images."""
        options = " ".join(self.pipeline_options).replace("=", " ").split()
        given = dict(itertools.pairwise(options))
        try:
            megapixels = float(given.get(MAX_MEGAPIXELS, DEFAULT_MEGAPIXELS))
            megabytes = float(given.get(MAX_MEGABYTES, DEFAULT_MEGABYTES))
        except ValueError:
            raise EnvironmentSettingsError(f"{MAX_MEGAPIXELS} and {MAX_MEGABYTES} must be numbers.") from None
        executor, worker = self.capacity.executor, IDLE_WORKER + memory_of_image(megapixels, megabytes)
        least = math.ceil(2 * (JVM_OVERHEAD + executor.vcpus * worker) / GIGABYTE)
        if executor.memory_gb < least:
            raise EnvironmentSettingsError(
                f"An executor of {executor.vcpus} vCPUs needs {least} GB of memory to decode the largest images that "
                f"the limits allow, not {executor.memory_gb}: choose another size, or lower --max-megapixels."
            )

    def _check_ranges(self) -> None:
        ranges = {
            "idle_minutes": (1, 5),
            "job_timeout_minutes": (5, 1440),
            "no_progress_minutes": (0, 1440),
            "job_attempts": (1, 5),
            "turn_seconds": (1, 600),
            "gather_minutes": (1, 1440),
            "results_days": (1, 3650),
            "retention_days": (1, 365),
            "usual_run_minutes": (1, 1440),
            "query_limit_gb": (1, 1000),
            "monthly_budget_usd": (1, 1_000_000),
        }
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise EnvironmentSettingsError(f"{name} must be {least} to {most}, not {getattr(self, name)}.")
        if self.logs_days not in LOG_DAYS:
            raise EnvironmentSettingsError(
                f"logs_days must be one of {', '.join(map(str, LOG_DAYS))}, not {self.logs_days}."
            )

    @property
    def database(self) -> str:
        """Name of the database in the AWS Glue Data Catalog."""
        return f"fruits_{self.name}"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of all resources."""
        return {"project": "fruits", ENVIRONMENT_TAG: stack_name(self.name)}

    @property
    def prices(self) -> Prices:
        """List prices for the Region and the architecture."""
        return list_prices(self.region, self.architecture)


CHANGED_HOUR = "02:"
"""Beginning of the times of day that the change to summer time skips, and the change back repeats."""

LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365)
"""Retention times of logs that the settings accept, in days. CloudWatch offers these."""

ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment(
            name="dev",
            keep_data=False,
            capacity=Capacity(max_executors=1),
            gather_minutes=1,
            results_days=14,
            logs_days=7,
            retention_days=1,
            reconcile_at=None,
            maintain_at=None,
            monthly_budget_usd=20,
        ),
        Environment(name="staging", capacity=Capacity(max_executors=2), results_days=30, monthly_budget_usd=50),
        Environment(
            name="prod",
            capacity=Capacity(driver=Worker(vcpus=4, memory_gb=16), max_executors=25),
            job_timeout_minutes=720,
            monthly_budget_usd=500,
        ),
    )
}


def environment_named(name: str) -> Environment:
    """Return the settings of an environment.

    Raises
    ------
    EnvironmentSettingsError
        If the environment does not exist.
    """
    if name not in ENVIRONMENTS:
        raise EnvironmentSettingsError(f"There is no environment {name!r}: it is one of {', '.join(ENVIRONMENTS)}.")
    return ENVIRONMENTS[name]


def changed(settings: Environment, values: Mapping[str, Any]) -> Environment:
    """Return settings with other values, which are given as JSON has them.

    Raises
    ------
    EnvironmentSettingsError
        If there is no such setting, or a value is invalid.
    """
    known = {field.name for field in fields(Environment)} - {"name", "capacity"}
    if unknown := sorted(values.keys() - known):
        raise EnvironmentSettingsError(f"There is no setting {', '.join(unknown)} that can be changed.")
    converted: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    for name, kind in {"architecture": Architecture, "iceberg": Iceberg}.items():
        value = converted.get(name, getattr(settings, name))
        if value not in {*kind}:
            raise EnvironmentSettingsError(f"There is no {name} {value!r}: it is {' or '.join(kind)}.")
        converted[name] = kind(value)
    return replace(settings, **converted)
