"""The error of the rehearsal. Each message is a sentence for the user."""

from spark_app.errors import FruitsError


class RehearsalError(FruitsError):
    """The rehearsal failed. The message says which step failed, and where to look."""
