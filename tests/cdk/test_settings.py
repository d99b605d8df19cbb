"""Tests of the validation of settings."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from cdk.settings import (
    ENVIRONMENTS,
    EU_REGIONS,
    X86_PRICES,
    Architecture,
    Capacity,
    Environment,
    EnvironmentSettingsError,
    Iceberg,
    Worker,
    changed,
    environment_named,
    list_prices,
)

NEW_ACCOUNT_VCPUS = 16
"""vCPUs that AWS lets a new account use at once, for all environments together."""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"region": "us-east-1"}, "us-east-1 is not in the European Union"),
        ({"region": "eu-west-2"}, "eu-west-2 is not in the European Union"),
        ({"region": "eu-central-2"}, "eu-central-2 is not in the European Union"),
        ({"name": "Prod!"}, "name of an environment"),
        (
            {"release_label": "emr-7.14.0"},
            r"must be emr-spark-8\.1\.0, not 'emr-7\.14\.0', which has Spark 3\.5\.8",
        ),
        ({"release_label": "emr-9"}, r"made for Spark 4\.1\.1: release_label must be emr-spark-8\.1\.0, not 'emr-9'\."),
        ({"python": "3.12"}, r"image of emr-spark-8\.1\.0 has Python 3\.13 and 3\.11, not '3\.12'"),
        ({"reconcile_at": "25:00"}, "hour and minute"),
        ({"maintain_at": "noon"}, "hour and minute"),
        ({"reconcile_at": "02:00"}, "no such hour on the day on which summer time begins"),
        ({"maintain_at": "02:59"}, r"as '02:59' is"),
        ({"alarm_email": "operator"}, "must be an e-mail address"),
        ({"idle_minutes": 0}, "idle_minutes must be 1 to 5"),
        ({"job_timeout_minutes": 1}, "job_timeout_minutes"),
        ({"job_attempts": 0}, "job_attempts"),
        ({"no_progress_minutes": 1441}, "no_progress_minutes"),
        ({"retention_days": 0}, "retention_days"),
        ({"results_days": 0}, "results_days"),
        ({"turn_seconds": 0}, "turn_seconds"),
        ({"logs_days": 8}, "logs_days must be one of"),
        ({"monthly_budget_usd": 0}, "monthly_budget_usd"),
        ({"query_limit_gb": 0}, "query_limit_gb"),
        ({"usual_run_minutes": 0}, "usual_run_minutes"),
        ({"pipeline_options": ("--components", "5'; rm")}, "pipeline_options may contain"),
        ({"pipeline_options": ("--max-megapixels", "many")}, "--max-megapixels and --max-megabytes must be numbers"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(change: dict[str, object], sentence: str) -> None:
    """An invalid value of any setting raises an error that names the setting."""
    with pytest.raises(EnvironmentSettingsError, match=sentence):
        replace(ENVIRONMENTS["dev"], **change)


def test_every_schedule_exists_once_on_every_day() -> None:
    """On the days on which the clocks of Paris change, each time of day that the settings accept exists once."""
    paris = ZoneInfo("Europe/Paris")
    for day in (date(2027, 3, 28), date(2027, 10, 31)):
        midnight = datetime.combine(day, time(), paris).astimezone(UTC)
        minutes = [(midnight + timedelta(minutes=minute)).astimezone(paris) for minute in range(26 * 60)]
        often = Counter(f"{moment:%H:%M}" for moment in minutes if moment.date() == day)
        for at in (f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)):
            if often[at] == 1 and not at.startswith("02:"):
                replace(ENVIRONMENTS["prod"], reconcile_at=at, maintain_at=at)
            else:
                with pytest.raises(EnvironmentSettingsError, match="no such hour"):
                    replace(ENVIRONMENTS["prod"], reconcile_at=at)


LOW_LIMIT = ("--max-megapixels", "20")


def test_executors_stand_the_limits_of_images() -> None:
    """All cores of an executor may decode the largest image at once: 1 GB each, more with a higher limit."""
    dev = ENVIRONMENTS["dev"]
    small = replace(dev.capacity, executor=Worker(vcpus=2, memory_gb=4))
    with pytest.raises(EnvironmentSettingsError, match=r"An executor of 2 vCPUs needs 6 GB .*, not 4"):
        replace(dev, capacity=small)
    with pytest.raises(EnvironmentSettingsError, match=r"An executor of 4 vCPUs needs 21 GB .*, not 16"):
        replace(dev, pipeline_options=("--max-megapixels=400",))
    with pytest.raises(EnvironmentSettingsError, match=r"An executor of 4 vCPUs needs 21 GB .*, not 16"):
        replace(dev, pipeline_options=("--max-megapixels", "400", "--components", "50"))
    replace(dev, capacity=replace(small, executor=Worker(vcpus=2, memory_gb=5)), pipeline_options=LOW_LIMIT)


@pytest.mark.parametrize(("vcpus", "memory"), [(3, 8), (1, 9), (4, 7), (8, 61), (2, 17)])
def test_a_worker_is_one_that_emr_serverless_has(vcpus: int, memory: int) -> None:
    """A size of a worker that EMR Serverless does not have raises an error."""
    with pytest.raises(EnvironmentSettingsError, match="A worker"):
        Worker(vcpus=vcpus, memory_gb=memory)


def test_a_run_fits_into_a_new_account() -> None:
    """Runs of dev and staging at the same time stay within the vCPUs that AWS lets a new account use."""
    assert Capacity().vcpus <= NEW_ACCOUNT_VCPUS
    assert sum(ENVIRONMENTS[name].capacity.vcpus for name in ("dev", "staging")) <= NEW_ACCOUNT_VCPUS
    with pytest.raises(EnvironmentSettingsError, match="max_executors"):
        Capacity(max_executors=0)


def test_every_region_of_the_eu_has_a_price() -> None:
    """Every allowed Region has prices, and arm64 costs a fifth less in each."""
    assert X86_PRICES.keys() == set(EU_REGIONS)
    for region in EU_REGIONS:
        x86, arm = list_prices(region, Architecture.X86_64), list_prices(region, Architecture.ARM64)
        assert arm.vcpu_hour == pytest.approx(0.8 * x86.vcpu_hour)
        assert arm.gb_hour == pytest.approx(0.8 * x86.gb_hour)


def test_a_rehearsal_may_change_settings() -> None:
    """Values come as JSON has them; an unknown environment, setting or architecture raises an error."""
    values = {"weights": "seeded", "architecture": "X86_64", "iceberg": "image", "pipeline_options": ["--top", "9"]}
    settings = changed(environment_named("dev"), values)
    assert (settings.weights, settings.pipeline_options) == ("seeded", ("--top", "9"))
    assert (settings.architecture, settings.iceberg) == (Architecture.X86_64, Iceberg.IMAGE)
    assert settings.iceberg is Iceberg.IMAGE
    assert changed(ENVIRONMENTS["dev"], {}) == ENVIRONMENTS["dev"]
    with pytest.raises(EnvironmentSettingsError, match="one of dev, staging, prod"):
        environment_named("test")
    with pytest.raises(EnvironmentSettingsError, match="ARM64 or X86_64"):
        changed(ENVIRONMENTS["dev"], {"architecture": "sparc"})
    with pytest.raises(EnvironmentSettingsError, match="There is no iceberg 'snow': it is shipped or image"):
        changed(ENVIRONMENTS["dev"], {"iceberg": "snow"})
    with pytest.raises(EnvironmentSettingsError, match="There is no setting colour, name"):
        changed(ENVIRONMENTS["dev"], {"name": "x", "colour": "red"})


def test_environments_share_nothing() -> None:
    """Every environment has its own database, so that several can exist in one account."""
    assert Environment(name="other").database == "fruits_other"
    assert len({environment.database for environment in ENVIRONMENTS.values()}) == len(ENVIRONMENTS)
