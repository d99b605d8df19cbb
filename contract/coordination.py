"""Attributes of the coordination table, by which `start_run` and the state machine agree on one run at a time.

`start_run` writes notices, then adds 1 to the generation. An execution that takes the lease reads the generation, runs,
and releases the lease on the condition that the generation is still the same. If it is not, there are new notices, and
the execution does another round.
"""

KEY = "id"
"""Partition key of the table."""

COORDINATION = "coordination"
"""Key of the coordination item."""

GENERATION = "generation"
"""Number of batches of notices that `start_run` has written."""

PROCESSED = "processed_generation"
"""Generation whose notices the last successful run has processed. A `maintain` run does not change it."""

HOLDER = "holder"
"""ARN of the execution that holds the lease; absent if the lease is free."""

WAITING = "waiting"
"""ARN of the execution that gets the lease next; absent if none waits."""

EXPIRES = "expires_at"
"""Time in seconds since 1970 at which DynamoDB may delete the item of a batch."""


def batch_key(batch_id: str) -> str:
    """Return the key of the item which records that a batch was counted, so that a redelivery is not counted again."""
    return f"batch#{batch_id}"
