"""Tests of the validation of settings."""

from dataclasses import replace

import pytest

from cdk.settings import (
    ENVIRONMENTS,
    EU_REGIONS,
    X86_PRICES,
    Architecture,
    Capacity,
    Environment,
    EnvironmentSettingsError,
    Worker,
    environment_named,
    list_prices,
)


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
    """A run of dev or staging stays within 16 vCPUs, the default quota of an account."""
    assert Capacity().vcpus <= 16
    assert ENVIRONMENTS["dev"].capacity.vcpus <= 16
    with pytest.raises(EnvironmentSettingsError, match="max_executors"):
        Capacity(max_executors=0)


def test_every_region_of_the_eu_has_a_price() -> None:
    """Every allowed Region has prices, and arm64 costs a fifth less in each."""
    assert X86_PRICES.keys() == set(EU_REGIONS)
    for region in EU_REGIONS:
        x86, arm = list_prices(region, Architecture.X86_64), list_prices(region, Architecture.ARM64)
        assert arm.vcpu_hour == pytest.approx(0.8 * x86.vcpu_hour)
        assert arm.gb_hour == pytest.approx(0.8 * x86.gb_hour)


def test_the_call_may_say_whose_address_which_weights_and_which_machine() -> None:
    """Arguments override the settings; an unknown environment or architecture raises an error."""
    settings = environment_named(
        "dev", weights="seeded", alarm_email="me@example.org", architecture="X86_64", python="3.11"
    )
    assert (settings.weights, settings.alarm_email, settings.python) == ("seeded", "me@example.org", "3.11")
    assert settings.architecture is Architecture.X86_64
    assert environment_named("dev") == ENVIRONMENTS["dev"]
    with pytest.raises(EnvironmentSettingsError, match="one of dev, staging, prod"):
        environment_named("test")
    with pytest.raises(EnvironmentSettingsError, match="ARM64 or X86_64"):
        environment_named("dev", architecture="sparc")


def test_environments_share_nothing() -> None:
    """Every environment has its own database, so that several can exist in one account."""
    assert Environment(name="other").database == "fruits_other"
    assert len({environment.database for environment in ENVIRONMENTS.values()}) == len(ENVIRONMENTS)
