"""Errors of the rehearsal: each has a sentence for whoever rehearses."""


class RehearsalError(Exception):
    """The rehearsal did not go as it should; the message says what, and where to look."""


class UsageError(RehearsalError):
    """The rehearsal was asked for something that can't be."""
