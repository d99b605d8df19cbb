"""The errors of the documents. Each message is a sentence for the user that says what to do."""

from spark_app.errors import FruitsError, UsageError


class HandoverError(UsageError):
    """A document can't be made of what the user has given, or of what is installed."""


class FailedError(FruitsError):
    """A program that makes a part of a document has failed, although the user made no mistake."""
