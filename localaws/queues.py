"""SQS under load: what moto's queues lack to be written and read by many threads, and quickly."""

# ruff: noqa: SLF001 -- moto's queues have no public access to their messages and their lock

import time
from collections.abc import Mapping
from copy import copy
from datetime import datetime

from moto.sqs import models
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, _filter_message_attributes, sqs_backends

from localaws.account import ACCOUNT, REGION, LocalAws, LocalAwsError
from localaws.metrics import Metrics, MetricValue
from localaws.patches import Original, Part, replaces


class Queues(Part):
    """The queues; a message that ends in a dead-letter queue is counted in the metrics."""

    def __init__(self, aws: LocalAws, metrics: Metrics) -> None:
        super().__init__(aws)
        self._metrics = metrics

    @replaces(
        SQSBackend,
        "receive_message",
        because="moto's gives one message to two callers, and takes seconds for thousands",
    )
    def _receive_message(
        self,
        _: Original,
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        queue = backend.get_queue(queue_name)
        until = time.monotonic() + wait_seconds_timeout
        with queue._messages_lock:
            taken = self._take(queue, count, visibility_timeout)
            while not taken and (left := until - time.monotonic()) > 0:
                queue._messages_lock.wait(min(left, _until_visible(queue)))
                taken = self._take(queue, count, visibility_timeout)
        for message in taken:
            _filter_message_attributes(message, message_attribute_names or [])
        return taken

    def _take(self, queue: Queue, count: int, visibility_timeout: int) -> list[Message]:
        """Take visible messages in the order of their arrival; those received too often go to the dead-letter queue."""
        taken: list[Message] = []
        dead: list[Message] = []
        limit = queue.redrive_policy["maxReceiveCount"] if queue.dead_letter_queue and queue.redrive_policy else None
        now = time.time() * 1000
        for message in queue._messages:
            if len(taken) == count:
                break
            if message.visible_at >= now or message.delayed_until > now:
                continue
            if limit is not None and message.approximate_receive_count >= limit:
                dead.append(message)
                continue
            message.mark_received(visibility_timeout=visibility_timeout)
            taken.append(copy(message))
        if dead and (letters := queue.dead_letter_queue):
            for message in dead:
                queue._messages.remove(message)
                letters.add_message(message)
            name, waiting = "ApproximateNumberOfMessagesVisible", letters.approximate_number_of_messages
            self._metrics.put(MetricValue("AWS/SQS", name, {"QueueName": letters.name}, waiting))
        return taken

    @replaces(
        models, "unix_time_millis", because="moto's takes microseconds, and is called for each message at each message"
    )
    def _milliseconds(self, _: Original, dt: datetime | None = None) -> float:
        return (dt.timestamp() if dt else time.time()) * 1000

    @replaces(Queue, "add_message", because="moto's invokes the functions of the queue itself, one message at a time")
    def _add_message(self, _: Original, queue: Queue, message: Message) -> None:
        if queue.fifo_queue:
            raise LocalAwsError(f"{queue.name} is a FIFO queue: only standard queues are known here.")
        with queue._messages_lock:
            queue._messages.append(message)
            queue._messages_lock.notify_all()

    @replaces(
        Queue,
        "delete_message",
        because="moto's loses messages that arrive during the call, and takes seconds for thousands",
    )
    def _delete_message(self, _: Original, queue: Queue, receipt_handle: str) -> None:
        with queue._messages_lock:
            if receipt_handle in queue.deleted_messages:
                return
            for position, message in enumerate(queue._messages):
                if message.receipt_handle == receipt_handle or message.had_receipt_handle(receipt_handle):
                    del queue._messages[position]
                    queue.deleted_messages.update(handle for handle in message.all_receipt_handles if handle)
                    return
        raise ReceiptHandleIsInvalid


def make_visible_at(queue_arn: str, moments: Mapping[str, float]) -> None:
    """Change when messages become visible again.

    Parameters
    ----------
    queue_arn
        ARN of the queue; nothing happens if the queue is gone.
    moments
        Receipt handle → seconds since 1970.
    """
    queue = sqs_backends[ACCOUNT][REGION].queues.get(queue_arn.rpartition(":")[2])
    if queue is None:
        return
    with queue._messages_lock:
        for message in queue._messages:
            moment = moments.get(message.receipt_handle or "")
            if moment is not None:
                message.visible_at = moment * 1000
        queue._messages_lock.notify_all()


def _until_visible(queue: Queue) -> float:
    """Return the seconds until a message of the queue becomes visible."""
    moments = [max(message.visible_at, message.delayed_until) for message in queue._messages]
    return max(min(moments, default=float("inf")) / 1000 - time.time(), 0) + 0.001
