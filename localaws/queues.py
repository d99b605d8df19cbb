"""SQS for many threads: what moto's queues lack to be written and read at the same time, and quickly."""

# ruff: noqa: SLF001 -- moto's queues have their messages and their lock inside

import time
from collections.abc import Callable, Mapping
from copy import copy
from datetime import datetime

from moto.sqs import models
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, _filter_message_attributes, sqs_backends

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.function_logs import Figure
from localaws.patches import replace

Report = Callable[[Figure], None]


def install(report: Report) -> None:
    """Make moto's queues fit for bursts.

    Parameters
    ----------
    report
        Takes a figure whenever a message ends in a dead-letter queue.
    """

    def receive_message(
        self: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        queue = self.get_queue(queue_name)
        until = time.monotonic() + wait_seconds_timeout
        with queue._messages_lock:
            taken = _take(queue, count, visibility_timeout, report)
            while not taken and (left := until - time.monotonic()) > 0:
                queue._messages_lock.wait(min(left, _until_visible(queue)))
                taken = _take(queue, count, visibility_timeout, report)
        for message in taken:
            _filter_message_attributes(message, message_attribute_names or [])
        return taken

    replace(
        SQSBackend,
        "receive_message",
        receive_message,
        because="moto's hands one message to two callers at once, and takes seconds where thousands are waiting",
    )
    replace(
        models, "unix_time_millis", _milliseconds, because="moto's takes microseconds, for each message at each message"
    )
    replace(
        Queue,
        "add_message",
        _add_message,
        because="moto's calls the functions of the queue itself, with one message at a time",
    )
    replace(
        Queue,
        "delete_message",
        _delete_message,
        because="moto's loses the messages that come meanwhile, and takes seconds for thousands",
    )


def give_back(queue_arn: str, visible_at: Mapping[str, float]) -> None:
    """Say anew when messages will be visible again.

    Parameters
    ----------
    queue_arn
        Of their queue.
    visible_at
        Receipt handle → seconds since 1970.
    """
    queue = sqs_backends[ACCOUNT][REGION].queues.get(queue_arn.rpartition(":")[2])
    if queue is None:
        return
    with queue._messages_lock:
        for message in queue._messages:
            moment = visible_at.get(message.receipt_handle or "")
            if moment is not None:
                message.visible_at = moment * 1000
        queue._messages_lock.notify_all()


def _take(queue: Queue, count: int, visibility_timeout: int, report: Report) -> list[Message]:
    """Hand out messages, in the order in which they came; set aside those that were handed out too often."""
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
    _set_aside(queue, dead, report)
    return taken


def _set_aside(queue: Queue, dead: list[Message], report: Report) -> None:
    letters = queue.dead_letter_queue
    if not dead or letters is None:
        return
    for message in dead:
        queue._messages.remove(message)
        letters.add_message(message)
    waiting = letters.approximate_number_of_messages
    report(Figure("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": letters.name}, waiting))


def _until_visible(queue: Queue) -> float:
    """Say in how many seconds there will be a message, if nobody sends one."""
    moments = [max(message.visible_at, message.delayed_until) for message in queue._messages]
    return max(min(moments, default=float("inf")) / 1000 - time.time(), 0) + 0.001


def _add_message(self: Queue, message: Message) -> None:
    if self.fifo_queue:
        raise LocalAwsError(f"{self.name} is a FIFO queue: there are none here.")
    with self._messages_lock:
        self._messages.append(message)
        self._messages_lock.notify_all()


def _delete_message(self: Queue, receipt_handle: str) -> None:
    with self._messages_lock:
        if receipt_handle in self.deleted_messages:
            return
        for position, message in enumerate(self._messages):
            if message.receipt_handle == receipt_handle or message.had_receipt_handle(receipt_handle):
                del self._messages[position]
                self.deleted_messages.update(handle for handle in message.all_receipt_handles if handle)
                return
    raise ReceiptHandleIsInvalid


def _milliseconds(dt: datetime | None = None) -> float:
    return (dt.timestamp() if dt else time.time()) * 1000
