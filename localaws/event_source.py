"""Event source mappings: what Lambda does between a queue and a function.

A poller collects messages into batches, invokes the function, and deletes the messages that did not fail; the queue
delivers the others again.
"""

import base64
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.models import LambdaFunction
from moto.sqs.models import Queue

from localaws.account import ACCOUNT, REGION, LocalAws
from localaws.queues import make_visible_at
from localaws.sandbox import INIT_SECONDS, InvocationResult

PAYLOAD_BYTES = 6 * 2**20
"""Largest event of an invocation."""

MESSAGES_PER_CALL = 10
"""Messages that SQS returns, or deletes, in one call."""

DEFAULT_CONCURRENCY = 5
"""Concurrent batches that AWS begins with if no limit is set."""

SHORTEST_VISIBILITY = 2.0
"""Seconds until a message is delivered again, at any pace."""

LONGEST_VISIBILITY = 43_200
"""Seconds; SQS allows no more."""

RETRY_SECONDS = 1.0
"""Wait after a call that failed."""

Record = dict[str, Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueMapping:
    """The settings of a mapping from a queue to a function.

    Attributes
    ----------
    batch_size
        Most messages of a batch.
    window
        Longest time to collect a batch, in seconds of AWS.
    concurrency
        Most batches that are processed at once.
    partial
        Whether the function reports which messages of a batch have failed.
    """

    queue: Queue
    function: LambdaFunction
    batch_size: int
    window: float
    concurrency: int
    partial: bool


@dataclass(frozen=True)
class _Received:
    record: Record
    bytes: int
    visible_at: float


class Poller:
    """Invokes a function with the messages of a queue, until it is stopped.

    The pace shortens two waits: that for more messages, and that until a message is delivered again. The function and
    the queue are as fast as they are: messages that are in the queue at the end of the window still join the batch, and
    a message stays invisible while the function processes it.
    """

    def __init__(self, aws: LocalAws, mapping: QueueMapping, invoke: Callable[[bytes], InvocationResult]) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._arn = mapping.queue.queue_arn
        self._url = f"{aws.endpoint}/{ACCOUNT}/{mapping.queue.name}"
        self._sqs = aws.client("sqs", mapping.function.role)
        self._ended = threading.Event()
        self._free = threading.Semaphore(mapping.concurrency)
        self._left_over: list[_Received] = []
        self._window = aws.shortened(mapping.window)
        visibility = float(mapping.queue.attributes["VisibilityTimeout"])
        self._visibility = max(SHORTEST_VISIBILITY, aws.shortened(visibility))
        threading.Thread(target=self._run, name="polls-queue", daemon=True).start()

    def stop(self) -> None:
        """Begin no more invocations."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._free.acquire()
            batch = self._gather()
            if batch and not self._ended.is_set():
                threading.Thread(target=self._process, args=(batch,), daemon=True).start()
            else:
                self._free.release()

    def _gather(self) -> list[_Received]:
        """Wait for a message, and collect others until the batch is full or the window over."""
        batch = self._left_over or self._receive(1, MESSAGES_PER_CALL)
        begun, size = time.monotonic(), sum(received.bytes for received in batch)
        while batch and size <= PAYLOAD_BYTES and time.monotonic() < begun + self._mapping.window:
            left = begun + self._window - time.monotonic()
            more = self._receive(int(left >= 1), self._mapping.batch_size - len(batch))
            batch, size = batch + more, size + sum(received.bytes for received in more)
            if self._ended.is_set() or len(batch) == self._mapping.batch_size or (not more and left <= 0):
                break
            if not more and left < 1:
                self._ended.wait(left)
        sizes = accumulate((received.bytes for received in batch), initial=len('{"Records": []}'))
        fitting = sum(1 for size in sizes if size <= PAYLOAD_BYTES) - 1
        self._left_over = batch[fitting:]
        return batch[:fitting]

    def _receive(self, wait: int, at_most: int) -> list[_Received]:
        processing = self._mapping.window + INIT_SECONDS + self._mapping.function.timeout
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(MESSAGES_PER_CALL, at_most, self._mapping.batch_size),
                WaitTimeSeconds=wait,
                VisibilityTimeout=min(math.ceil(self._visibility + processing), LONGEST_VISIBILITY),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError) as error:
            if not self._ended.is_set():
                logger.warning("Lambda can't receive from %s: %s", self._arn, error)
            self._ended.wait(RETRY_SECONDS)
            return []
        visible_at = time.time() + self._visibility
        records = [_record(message, self._arn) for message in answer.get("Messages", ())]
        return [_Received(record, len(json.dumps(record)) + len(", "), visible_at) for record in records]

    def _process(self, batch: Sequence[_Received]) -> None:
        """Invoke the function, delete the messages that did not fail, and make the others visible in time."""
        try:
            event = {"Records": [received.record for received in batch]}
            failed = self._failed(self._invoke(json.dumps(event).encode()), event["Records"])
            self._delete([record["receiptHandle"] for record in event["Records"] if record["messageId"] not in failed])
        except Exception:  # the log shows the failure, and the next batch is processed
            logger.exception("A batch of %s will be delivered again", self._arn)
        finally:
            make_visible_at(self._arn, {received.record["receiptHandle"]: received.visible_at for received in batch})
            self._free.release()

    def _failed(self, result: InvocationResult, records: Sequence[Record]) -> set[str]:
        sent = {str(record["messageId"]) for record in records}
        if result.failed:
            return sent
        return failures_in(result.payload, sent) if self._mapping.partial else set()

    def _delete(self, handles: Sequence[str]) -> None:
        for start in range(0, len(handles), MESSAGES_PER_CALL):
            part = handles[start : start + MESSAGES_PER_CALL]
            entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(part)]
            try:
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                logger.warning("Lambda can't delete from %s: %s", self._arn, error)
            else:
                for failed in answer.get("Failed", ()):
                    logger.warning("Lambda can't delete from %s: %s", self._arn, failed["Message"])


def failures_in(payload: bytes, sent: set[str]) -> set[str]:
    """Return the ids of the messages that a function reports as failed.

    Parameters
    ----------
    payload
        The value that the function returned, as JSON; if it is not a valid report, all messages have failed.
    sent
        Ids of all messages of the batch.
    """
    try:
        items = (json.loads(payload) or {}).get("batchItemFailures") or []
        failed = {item["itemIdentifier"] for item in items}
    except (AttributeError, KeyError, TypeError, ValueError):
        return sent
    return sent if failed - sent else failed


def _record(message: Record, queue_arn: str) -> Record:
    """Convert a message of SQS into a record of a Lambda event."""
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
