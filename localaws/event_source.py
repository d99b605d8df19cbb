"""From a queue to a function: what Lambda does between them.

It gathers messages into batches, calls the function, and deletes what the function is done with; the queue delivers
the rest again.
"""

import base64
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.account import REGION, LocalAws
from localaws.queues import give_back
from localaws.sandbox import INIT_SECONDS, Outcome

PAYLOAD = 6 * 2**20
"""Bytes that a function can be called with."""

AT_ONCE = 10
"""Messages that SQS hands out, or deletes, in one call."""

CALLS_AT_ONCE = 5
"""As many batches as AWS begins with, where no limit is set."""

SHORTEST = 2.0
"""Seconds until a message is delivered again, however fast time passes here."""

LONGEST = 43_200
"""Seconds that SQS lets a message be invisible."""

RETRY_SECONDS = 1.0

Record = dict[str, Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueMapping:
    """What is asked for when a queue is to call a function.

    Attributes
    ----------
    queue_arn, queue_url
        The queue.
    role_arn, timeout
        Of the function; the timeout in seconds.
    batch_size, window
        How many messages to gather, and for how many seconds of AWS.
    concurrency
        Batches that are worked on at once.
    partial
        Whether the function says which messages of a batch have failed.
    visibility
        After how many seconds of AWS a message is delivered again.
    """

    queue_arn: str
    queue_url: str
    role_arn: str
    timeout: int
    batch_size: int
    window: float
    concurrency: int
    partial: bool
    visibility: float


@dataclass(frozen=True)
class _Received:
    record: Record
    bytes: int
    visible_at: float

    @property
    def handle(self) -> str:
        return str(self.record["receiptHandle"])


class Poller:
    """Calls a function with the messages of a queue, until it is stopped.

    The pace shortens waits: for more messages, and until a message is delivered again. It does not make functions
    faster, nor the queue: what lies there when the window is over still goes with the batch, and a message stays
    invisible while the function works on it.
    """

    def __init__(self, aws: LocalAws, mapping: QueueMapping, call: Callable[[bytes], Outcome]) -> None:
        self._aws = aws
        self._mapping = mapping
        self._call = call
        self._sqs = aws.client("sqs", mapping.role_arn)
        self._ended = threading.Event()
        self._free = threading.Semaphore(mapping.concurrency)
        self._left_over: list[_Received] = []
        self._window = aws.seconds(mapping.window)
        self._visibility = max(SHORTEST, aws.seconds(mapping.visibility))

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="polls-queue", daemon=True).start()

    def stop(self) -> None:
        """Call the function no more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._free.acquire()
            batch = self._gather()
            if batch and not self._ended.is_set():
                threading.Thread(target=self._work, args=(batch,), daemon=True).start()
            else:
                self._free.release()

    def _gather(self) -> list[_Received]:
        """Wait for a message, and take what comes until the batch is full or the window over."""
        batch = self._left_over or self._receive(1, AT_ONCE)
        begun, size = time.monotonic(), _size(batch)
        while batch and size <= PAYLOAD and time.monotonic() < begun + self._mapping.window:
            left = begun + self._window - time.monotonic()
            more = self._receive(int(left >= 1), self._mapping.batch_size - len(batch))
            batch, size = batch + more, size + _size(more)
            if self._ended.is_set() or len(batch) == self._mapping.batch_size or (not more and left <= 0):
                break
            if not more and left < 1:
                self._ended.wait(left)
        fitting = _how_many_fit(batch)
        self._left_over = batch[fitting:]
        return batch[:fitting]

    def _receive(self, wait: int, at_most: int) -> list[_Received]:
        mapping = self._mapping
        at_work = mapping.window + INIT_SECONDS + mapping.timeout
        try:
            answer = self._sqs.receive_message(
                QueueUrl=mapping.queue_url,
                MaxNumberOfMessages=min(AT_ONCE, at_most, mapping.batch_size),
                WaitTimeSeconds=wait,
                VisibilityTimeout=min(math.ceil(self._visibility + at_work), LONGEST),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError) as error:
            if not self._ended.is_set():
                logger.warning("Lambda can't receive from %s: %s", mapping.queue_arn, error)
            self._ended.wait(RETRY_SECONDS)
            return []
        visible_at = time.time() + self._visibility
        records = [record_of(message, mapping.queue_arn) for message in answer.get("Messages", ())]
        return [_Received(record, len(json.dumps(record)), visible_at) for record in records]

    def _work(self, batch: Sequence[_Received]) -> None:
        """Call the function, and settle what becomes of the messages."""
        try:
            event = {"Records": [received.record for received in batch]}
            failed = self._failed(self._call(json.dumps(event).encode()), event["Records"])
            self._delete([received.handle for received in batch if received.record["messageId"] not in failed])
        except Exception:  # what happened to a batch is to be seen, and the next one to be worked on
            logger.exception("A batch of %s is to be delivered again", self._mapping.queue_arn)
        finally:
            give_back(self._mapping.queue_arn, {received.handle: received.visible_at for received in batch})
            self._free.release()

    def _failed(self, outcome: Outcome, records: Sequence[Record]) -> set[str]:
        sent = {str(record["messageId"]) for record in records}
        if outcome.failed:
            return sent
        return failures_in(outcome.payload, sent) if self._mapping.partial else set()

    def _delete(self, handles: Sequence[str]) -> None:
        for start in range(0, len(handles), AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle}
                for number, handle in enumerate(handles[start : start + AT_ONCE])
            ]
            try:
                answer = self._sqs.delete_message_batch(QueueUrl=self._mapping.queue_url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                logger.warning("Lambda can't delete from %s: %s", self._mapping.queue_arn, error)
            else:
                for failed in answer.get("Failed", ()):
                    logger.warning("Lambda can't delete from %s: %s", self._mapping.queue_arn, failed["Message"])


def failures_in(payload: bytes, sent: set[str]) -> set[str]:
    """Read which messages a function has failed on.

    Parameters
    ----------
    payload
        What it returned.
    sent
        The ids of all messages of the batch.

    Returns
    -------
    set
        Their ids; all, as in AWS, where the answer is not what it should be.
    """
    try:
        answer = json.loads(payload)
        items = (answer or {}).get("batchItemFailures") or []
        failed = {item["itemIdentifier"] for item in items}
    except (AttributeError, KeyError, TypeError, ValueError):
        return sent
    return sent if failed - sent else failed


def record_of(message: Record, queue_arn: str) -> Record:
    """Shape a message as Lambda hands it to functions."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: _attribute(attribute) for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def _attribute(attribute: Record) -> Record:
    values: Record = {"stringListValues": [], "binaryListValues": [], "dataType": attribute["DataType"]}
    if "StringValue" in attribute:
        values["stringValue"] = attribute["StringValue"]
    if "BinaryValue" in attribute:
        values["binaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode()
    return values


def _size(batch: Iterable[_Received]) -> int:
    return sum(received.bytes + len(", ") for received in batch)


def _how_many_fit(batch: Sequence[_Received]) -> int:
    """Count the messages that a function can be called with at once."""
    sizes = accumulate(received.bytes + len(", ") for received in batch)
    return sum(1 for size in sizes if size + len('{"Records": []}') <= PAYLOAD)
