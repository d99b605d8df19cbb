"""The modes of runs, and run ids."""

import re
import secrets
from datetime import UTC, datetime
from enum import StrEnum

RUN_ID = "[0-9]{8}T[0-9]{6}Z-[0-9A-Za-z-]{1,64}"
"""Regular expression of run ids: a time, a dash, and letters, digits or dashes."""


class Mode(StrEnum):
    """How a run determines its change set. All later steps are the same in every mode but `maintain`."""

    UPDATE = "update"
    """From the notices in the inbox."""
    RECONCILE = "reconcile"
    """From the difference between the listing of the images and the tables."""
    REPROCESS = "reprocess"
    """All images, as if there were no tables."""
    MAINTAIN = "maintain"
    """No images: the run compacts the tables, and deletes what has exceeded the retention."""


def new_run_id(now: datetime | None = None) -> str:
    """Make a unique run id. Run ids sort by time.

    Parameters
    ----------
    now
        Time that the id begins with; `None` for the present time.

    Returns
    -------
    str
        Run id such as ``20261120T121530Z-3fa94c``.
    """
    return f"{run_id_at(now or datetime.now(UTC))}-{secrets.token_hex(3)}"


def is_run_id(text: str) -> bool:
    """Return whether a text has the form of a run id, so that it is safe as a part of a path."""
    return re.fullmatch(RUN_ID, text) is not None


def run_id_at(moment: datetime) -> str:
    """Return the prefix of all run ids of a second. It sorts before these, and before all later run ids."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
