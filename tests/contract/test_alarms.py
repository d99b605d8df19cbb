"""The alarms of an environment: each has a meaning, and a place in the documentation."""

from pathlib import Path

import pytest

from contract.alarms import MEANINGS, Alarm

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("alarm", Alarm)
def test_every_alarm_is_explained(alarm: Alarm) -> None:
    """Its description fits into CloudWatch's e-mail, and a page of the documentation says what to do."""
    assert 20 < len(alarm.meaning) < 1024
    assert any(f"`{alarm}`" in page.read_text() for page in DOCS.glob("*.md"))
    assert alarm.full_name("dev") == f"fruits-dev-{alarm}"


def test_no_meaning_is_left_over() -> None:
    """Every meaning belongs to an alarm."""
    assert MEANINGS.keys() == {*Alarm}
