"""Tests of the cost of a job run."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk.settings import EU_REGIONS, Architecture, list_prices
from contract.prices import Prices
from contract.workflow import Usage

HOURS = st.floats(0, 1e6)
USAGES = st.builds(Usage, vcpu_hours=HOURS, memory_gb_hours=HOURS, storage_gb_hours=HOURS)
PRICES = st.builds(Prices, vcpu_hour=st.floats(0, 1), gb_hour=st.floats(0, 1), storage_gb_hour=st.floats(0, 0.01))


@given(USAGES, PRICES)
def test_the_cost_is_hours_times_prices(usage: Usage, prices: Prices) -> None:
    """The cost equals that of decimal arithmetic, to a millionth of a dollar."""
    exact = (
        Decimal(usage.vcpu_hours) * Decimal(prices.vcpu_hour)
        + Decimal(usage.memory_gb_hours) * Decimal(prices.gb_hour)
        + Decimal(usage.storage_gb_hours) * Decimal(prices.storage_gb_hour)
    )
    assert abs(Decimal(prices.cost(usage)) - exact) <= Decimal("0.000000501") + exact * Decimal("1e-14")


def test_the_cost_of_a_known_bill() -> None:
    """The cost equals a result computed by hand, with the prices of eu-west-1."""
    prices = Prices(vcpu_hour=0.052624, gb_hour=0.0057785, storage_gb_hour=0.000111)
    assert prices.cost(Usage(vcpu_hours=2.5, memory_gb_hours=10, storage_gb_hours=100)) == 0.200445
    assert prices.cost(Usage(vcpu_hours=0, memory_gb_hours=0, storage_gb_hours=0)) == 0


@pytest.mark.parametrize("region", EU_REGIONS)
@pytest.mark.parametrize("architecture", Architecture)
def test_the_prices_of_the_settings_are_understood(region: str, architecture: Architecture) -> None:
    """The prices of all settings survive their JSON document."""
    listed = list_prices(region, architecture)
    assert Prices.from_json(listed.to_json()) == listed
