"""The section `settings`: what documents quote of the settings of prod and of the limits of runs."""

from dataclasses import asdict, dataclass

from cdk.costs.arithmetic import PROD
from cdk.settings import EU_REGIONS
from contract.job import IMAGES_PER_TASK
from spark_app.engine.strips import SIZE
from spark_app.settings import CurationSettings, RunSettings


@dataclass(frozen=True, kw_only=True)
class SettingsFigures:
    """Settings of the environment prod, and limits of any run."""

    region: str
    eu_regions: int
    """Number of Regions that a deployment accepts."""
    retention_days: int
    results_days: int
    logs_days: int
    gather_minutes: int
    idle_minutes: int
    job_timeout_minutes: int
    max_executors: int
    executor_vcpus: int
    monthly_budget_usd: float
    chunk_size: int
    """Images between two commits."""
    images_per_task: int
    max_compared_images: int
    input_size: int
    """Pixels per side that the network receives."""
    refit_threshold: float


def settings() -> dict[str, str | float]:
    """Return the section."""
    return asdict(
        SettingsFigures(
            region=PROD.region,
            eu_regions=len(EU_REGIONS),
            retention_days=PROD.retention_days,
            results_days=PROD.results_days,
            logs_days=PROD.logs_days,
            gather_minutes=PROD.gather_minutes,
            idle_minutes=PROD.idle_minutes,
            job_timeout_minutes=PROD.job_timeout_minutes,
            max_executors=PROD.capacity.max_executors,
            executor_vcpus=PROD.capacity.executor.vcpus,
            monthly_budget_usd=PROD.monthly_budget_usd,
            chunk_size=RunSettings.chunk_size,
            images_per_task=IMAGES_PER_TASK,
            max_compared_images=CurationSettings.max_compared_images,
            input_size=SIZE,
            refit_threshold=RunSettings.refit_threshold,
        )
    )
