"""The state in which the last complete run left everything: ``control/state.json``.

The next run compares it with what it finds. If nothing differs, there is nothing to do.
"""

from dataclasses import dataclass

from contract.documents import Document
from contract.names import check_run_id


@dataclass(frozen=True, kw_only=True)
class LastState(Document):
    """Digests of what a run has read, and of what it has left.

    They are compared as texts only, so each version of the pipeline may compute them in its own way.
    """

    run_id: str
    listing: str | None
    """Digest of the listing of the images, whose rows are correct; `None` if the run has not listed the images, or if
    a run must examine some of them again although they are the same."""
    circumstances: str
    """Digest of everything else that decides about the results: settings, weights, program and packages."""
    output: str
    """Digest of the listing of the tables, bases, models and results."""

    def __post_init__(self) -> None:
        check_run_id(self.run_id, "run_id")
