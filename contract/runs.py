"""Kinds of runs, and the ids that name them."""

import re
import secrets
from datetime import UTC, datetime
from enum import StrEnum


class Mode(StrEnum):
    """How a run finds out which images to work on. Everything after that is the same."""

    UPDATE = "update"
    """What the notices in the inbox say."""
    RECONCILE = "reconcile"
    """The difference between the listing of the images and the tables."""
    REPROCESS = "reprocess"
    """Every image, from nothing."""
    MAINTAIN = "maintain"
    """None: the tables are compacted, and what nobody needs any more is deleted."""


def new_run_id(now: datetime | None = None) -> str:
    """Make an id that sorts by time, and that no other run has.

    Parameters
    ----------
    now
        The time to name; the present one by default.

    Returns
    -------
    str
        Such as ``20261120T121530Z-3fa94c``.
    """
    return f"{run_id_at(now or datetime.now(UTC))}-{secrets.token_hex(3)}"


def is_run_id(text: str) -> bool:
    """Whether a text has the form of an id: a second, and letters, digits and dashes that tell it from others."""
    return re.fullmatch(r"\d{8}T\d{6}Z-[0-9A-Za-z-]{1,64}", text) is not None


def run_id_at(moment: datetime) -> str:
    """Write the beginning of the ids of all runs of a second: less than those of later ones."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
