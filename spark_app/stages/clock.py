"""The clock of the computer, compared with the times in the tables.

Iceberg gives each commit the time of the clock, and refuses a commit that is a minute earlier than the last one. So a
run whose clock was ahead would prevent all later runs, until the time has caught up.
"""

from datetime import UTC, datetime, timedelta

from spark_app.tables import Tables

TOLERANCE = timedelta(seconds=30)
"""Difference that the clocks of two computers may have. Iceberg tolerates 60 seconds."""


def correct_times(tables: Tables, now: datetime) -> list[str]:
    """Replace the times in the tables that are later than the present one, and return a note if there were any.

    This does not create tables, and changes no row.

    Parameters
    ----------
    now
        Time at which the run began.
    """
    written = {table: table.last_time() for table in tables.existing().values()}
    ahead = [table for table, time in written.items() if time > now + TOLERANCE]
    for table in ahead:
        table.end_times_at(now - timedelta(milliseconds=1))  # a retention of zero days expires these snapshots, too
    return [_note(max(written.values()), now)] if ahead else []


def _note(written: datetime, now: datetime) -> str:
    return (
        f"The clock of this computer shows {_shown(now)}, but the tables were written at {_shown(written)}: the clock "
        "was set back. If it is wrong now, correct it. This run has replaced the later times in the tables by the "
        "present one, so that runs can go on."
    )


def _shown(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
