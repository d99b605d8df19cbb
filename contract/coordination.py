"""Attributes of the coordination table, by which `start_run` and the state machine agree on one run at a time.

`start_run` writes notices, then adds 1 to the generation. An execution that takes the lease reads the generation, runs,
and releases the lease on the condition that the generation is still the same. If it is not, there are new notices, and
the execution does another round.

Every execution that takes the lease adds 1 to the term, so that no two leases have the same term. The holder of a lease
is responsible for all notices that were counted before it. An execution that has lost its lease without noticing finds
another term in the item, and stops.
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

TERM = "term"
"""Number of times that an execution has taken the lease. It identifies the last lease."""

LOST_TERM = "lost_term"
"""Term of the last lease that was taken over from its holder. All other leases were released by their holders."""

TAKEN_AT = "taken_at"
"""Time at which an execution took the lease last, such as ``2026-11-20T12:15:30.123Z``."""

PENDING = "pending"
"""Estimated number of notices that no run has processed yet. Nothing but the initial size of a run depends on it."""

RUN = "run_id"
"""Id of the run for which the holder last confirmed its lease."""

WAITING = "waiting"
"""ARN of the execution that gets the lease next; absent if none waits."""

EXPIRES = "expires_at"
"""Time in seconds since 1970 at which DynamoDB may delete the item of a batch."""


def batch_key(batch_id: str) -> str:
    """Return the key of the item which records that a batch was counted, so that a redelivery is not counted again."""
    return f"batch#{batch_id}"
