"""Tests of run ids."""

from datetime import UTC, datetime, timedelta

from contract.runs import new_run_id


def test_run_ids_sort_by_time() -> None:
    """The ids of runs of successive seconds are in ascending order."""
    start = datetime(2026, 11, 20, 23, 59, 58, tzinfo=UTC)
    ids = [new_run_id(start + timedelta(seconds=seconds)) for seconds in range(5)]
    assert ids == sorted(ids)


def test_run_ids_differ_within_a_second() -> None:
    """Runs that start at the same time have different ids, so that they do not share results."""
    now = datetime.now(UTC)
    assert len({new_run_id(now) for _ in range(50)}) == 50
