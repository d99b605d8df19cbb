"""The events that S3 sends to queues, with the sequencer that orders the events of a key."""

import itertools
import json
import logging
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from moto.s3 import notifications
from moto.s3.exceptions import InvalidArgumentError
from moto.s3.models import FakeBucket
from moto.sqs.models import sqs_backends

from localaws.account import REGION, LocalAws, LocalAwsError, refusing
from localaws.authorization import require_queue_access
from localaws.patches import Original, Part, replaces

SERVICE = "s3.amazonaws.com"

logger = logging.getLogger(__name__)


class Notifications(Part):
    """The delivery of events from buckets to queues."""

    def __init__(self, aws: LocalAws) -> None:
        super().__init__(aws)
        self._sequence = itertools.count(1)
        self._deliveries = 1

    def set_deliveries(self, times: int) -> int:
        """Deliver every event so many times from now on, and return the number before: AWS promises at least once."""
        before, self._deliveries = self._deliveries, times
        return before

    @replaces(FakeBucket, "set_notification_configuration", because="moto ignores the policies of queues")
    def _configure(self, original: Original, bucket: FakeBucket, notification_config: dict[str, Any] | None) -> None:
        for queue in (notification_config or {}).get("QueueConfiguration", ()):
            with refusing(_invalid_destination):
                require_queue_access(SERVICE, queue["Queue"], bucket.arn)
        original(bucket, notification_config)

    @replaces(notifications, "send_event", because="moto's have no sequencer, and ignore the policy of the queue")
    def _send_event(self, _: Original, account_id: str, event_name: Any, bucket: Any, key: Any) -> None:  # noqa: ANN401 -- moto's objects
        configuration = bucket.notification_configuration
        for target in configuration.queue if configuration else ():
            if not target.matches(event_name, key.name):
                continue
            try:
                require_queue_access(SERVICE, target.arn, bucket.arn)
            except LocalAwsError as error:  # S3 drops such an event without an error to its caller, too
                logger.warning("An event is lost: %s", error)
                continue
            body = {"Records": [self._event(event_name.removeprefix("s3:"), bucket, key, target.id)]}
            queues, name = sqs_backends[account_id][REGION], target.arn.rpartition(":")[2]
            for _delivery in range(self._deliveries):
                queues.send_message(queue_name=name, message_body=json.dumps(body))

    def _event(self, name: str, bucket: Any, key: Any, configuration_id: str) -> dict[str, Any]:  # noqa: ANN401 -- moto's objects
        """Compose the event of an object.

        The format is that of
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html.
        """
        entity = {"key": quote_plus(key.name, safe="/"), "sequencer": f"{next(self._sequence):016X}"}
        if name.startswith("ObjectCreated"):
            entity |= {"size": key.size, "eTag": key.etag.strip('"')}
        return {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": REGION,
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "eventName": name,
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": configuration_id,
                "bucket": {"name": bucket.name, "arn": bucket.arn},
                "object": entity,
            },
        }


def _invalid_destination(reason: str) -> InvalidArgumentError:
    message = f"Unable to validate the following destination configurations: {reason}"
    return InvalidArgumentError(message, "QueueConfiguration", "null")
