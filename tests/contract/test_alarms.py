"""The alarms of an environment: each has a meaning."""

import pytest

from contract.alarms import MEANINGS, Alarm


@pytest.mark.parametrize("alarm", Alarm)
def test_every_alarm_is_explained(alarm: Alarm) -> None:
    """Its description fits into CloudWatch's e-mail."""
    assert 20 < len(alarm.meaning) < 1024
    assert alarm.full_name("dev") == f"fruits-dev-{alarm}"


def test_no_meaning_is_left_over() -> None:
    """Every meaning belongs to an alarm."""
    assert MEANINGS.keys() == {*Alarm}
