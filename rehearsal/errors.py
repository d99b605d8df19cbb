"""The errors of the rehearsal. Each message is a sentence for the user."""

from spark_app.errors import FruitsError


class RehearsalError(FruitsError):
    """The rehearsal failed. The message says which step failed, and where to look."""


class RehearsalUsageError(RehearsalError):
    """The user asked for something that the current state of the rehearsal rules out."""

    exit_code = 2


class RehearsalInterruptedError(RehearsalError):
    """The user interrupted the rehearsal."""

    exit_code = 130
