"""One run at a time: the item that `start_run` and the workflow agree through, and its attributes.

`start_run` writes notices, then adds 1 to the generation. An execution that holds the lease reads the generation G,
runs, and lets go on the condition that the generation is still G; else notices came meanwhile: it goes round again.
"""

KEY = "id"
"""Partition key of the table."""

COORDINATION = "coordination"
"""Key of the one item."""

GENERATION = "generation"
"""How many batches of notices were written so far."""

PROCESSED = "processed_generation"
"""The generation whose notices the last good run has worked through. A run that only maintains doesn't move it."""

HOLDER = "holder"
"""ARN of the execution whose run is going on; absent if there is none."""

WAITING = "waiting"
"""ARN of an execution that waits its turn, and is given the lease next; absent if there is none."""

EXPIRES = "expires_at"
"""Of the keys of batches: when they may be forgotten, seconds since 1970."""


def batch_key(batch_id: str) -> str:
    """Key of the item that says that a batch of events was counted: it is counted once, however often it comes."""
    return f"batch#{batch_id}"
