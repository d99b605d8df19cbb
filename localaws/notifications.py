"""The events of buckets, as S3 sends them: under its own name, with the number that orders the events of a key."""

import itertools
import json
import logging
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from moto.s3 import notifications
from moto.sqs.models import sqs_backends

from localaws.account import REGION, LocalAws, LocalAwsError
from localaws.authorization import require_service_access
from localaws.patches import replace

logger = logging.getLogger(__name__)

_sequence = itertools.count(1)
_deliveries = [1]


def deliver(times: int) -> int:
    """Deliver every event so many times from now on: AWS promises once at least. Say how often it was before."""
    before, _deliveries[0] = _deliveries[0], times
    return before


def install(aws: LocalAws) -> None:  # noqa: ARG001 -- as every part has it
    """Let buckets tell queues what happens in them."""
    replace(
        notifications,
        "send_event",
        _send_event,
        because="moto's events have no sequencer, and queues take them whatever their policies say",
    )


def event(name: str, bucket: Any, key: Any, configuration_id: str) -> dict[str, Any]:  # noqa: ANN401 -- moto's objects
    """Compose the event of an object.

    Returns
    -------
    dict
        As in https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    entity = {"key": quote_plus(key.name, safe="/"), "sequencer": f"{next(_sequence):016X}"}
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


def _send_event(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:  # noqa: ANN401 -- moto's objects
    configuration = bucket.notification_configuration
    if configuration is None:
        return
    for target in configuration.queue:
        if target.matches(event_name, key.name):
            queue_name = target.arn.rpartition(":")[2]
            try:
                require_service_access("s3.amazonaws.com", "sqs:SendMessage", target.arn, bucket.arn)
            except LocalAwsError as error:  # S3 tells nobody, either
                logger.warning("An event is lost: %s", error)
                continue
            body = {"Records": [event(event_name.removeprefix("s3:"), bucket, key, target.id)]}
            for _ in range(_deliveries[0]):
                sqs_backends[account_id][REGION].send_message(queue_name=queue_name, message_body=json.dumps(body))
