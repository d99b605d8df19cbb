"""The section `costs`: amounts in USD, computed by `cdk.costs`."""

import re
from dataclasses import asdict, dataclass

from cdk.costs.arithmetic import (
    IDLE,
    PROD,
    daily_runs,
    first_run,
    hourly,
    job,
    reprocess,
    requests,
    stored,
    update,
    updates_in_a_month,
)
from cdk.costs.assumptions import ASSUMED, HOURS_PER_MONTH, PHOTO, PRICES, SMALL, ListPrices


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What the environment prod costs, USD. Only `idle_month_one_environment` counts free tiers."""

    region: str
    prices_as_of: str
    """Year and month of the list prices."""
    idle_month: float
    idle_month_one_environment: float
    """The same if the environment is the only one in its account."""
    smallest_run: float
    first_run_100_000_small: float
    first_run_1_000_000_small: float
    first_run_10_000_000_small: float
    first_run_100_000_000_small: float
    first_run_100_000_photos: float
    first_run_10_000_000_photos: float
    minutes_100_000_small: float
    """Minutes of the job of the first run."""
    minutes_1_000_000_small: float
    minutes_10_000_000_small: float
    minutes_100_000_000_small: float
    update_100: float
    """100 new images that are close together, on a corpus of 100,000 small ones."""
    reprocess_100_000_small: float
    trickle_month_ungathered: float
    """A month of uploads that never pause, if each update starts when the one before has ended."""
    trickle_month_gathered: float
    """The same with `gather_minutes`."""
    gather_minutes: float
    daily_runs_month_100_000_small: float
    """A month of the daily `reconcile` and `maintain`."""
    storage_month_10_000_000_photos: float
    cluster_month: float
    """A cluster of EMR on EC2 of two m6g.xlarge that waits for images."""
    vcpu_hour: float
    """A vCPU of an executor of EMR Serverless with its memory."""
    core_rate: float
    """Small images a second on a measured core."""
    vcpu_share: float
    """Share of that core's work that a vCPU is assumed to do."""
    upload_100_000: float
    """PUT requests of 100,000 images, a part of the first run."""


def costs() -> dict[str, str | float]:
    """Return the section."""
    an_update = update(SMALL, ASSUMED.near_rows)
    return asdict(
        Costs(
            region=PROD.region,
            prices_as_of=prices_as_of(),
            idle_month=sum(one.price(free_tier=False) for one in IDLE),
            idle_month_one_environment=sum(one.price() for one in IDLE),
            smallest_run=job().usd + requests(),
            first_run_100_000_small=first_run(100_000, SMALL),
            first_run_1_000_000_small=first_run(1_000_000, SMALL),
            first_run_10_000_000_small=first_run(10_000_000, SMALL),
            first_run_100_000_000_small=first_run(100_000_000, SMALL),
            first_run_100_000_photos=first_run(100_000, PHOTO),
            first_run_10_000_000_photos=first_run(10_000_000, PHOTO),
            minutes_100_000_small=minutes(100_000),
            minutes_1_000_000_small=minutes(1_000_000),
            minutes_10_000_000_small=minutes(10_000_000),
            minutes_100_000_000_small=minutes(100_000_000),
            update_100=an_update,
            reprocess_100_000_small=reprocess(100_000, SMALL),
            trickle_month_ungathered=updates_in_a_month(0) * an_update,
            trickle_month_gathered=updates_in_a_month(PROD.gather_minutes) * an_update,
            gather_minutes=PROD.gather_minutes,
            daily_runs_month_100_000_small=30 * daily_runs(100_000),
            storage_month_10_000_000_photos=stored(10_000_000 * PHOTO.size),
            cluster_month=PRICES.cluster_hour * HOURS_PER_MONTH,
            vcpu_hour=hourly(PROD.capacity.executor) / PROD.capacity.executor.vcpus,
            core_rate=ASSUMED.core_rate,
            vcpu_share=ASSUMED.vcpu,
            upload_100_000=100_000 * PRICES.s3_put,
        )
    )


def minutes(images: int) -> float:
    """Return the minutes of the job of the first run over small images."""
    return 60 * job(images, SMALL.core_s, images).hours


def prices_as_of() -> str:
    """Return the year and month that the docstring of the list prices names."""
    (month,) = re.findall(r"\b20\d\d-\d\d\b", ListPrices.__doc__ or "")
    return str(month)
