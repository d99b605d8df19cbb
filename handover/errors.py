"""The error of the documents. Each message is a sentence for the user that says what to do."""

from spark_app.errors import UsageError


class HandoverError(UsageError):
    """A document can't be made of what there is."""
