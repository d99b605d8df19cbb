"""What an alarm does when it goes off: CloudWatch publishes to its topics, if their policies allow it."""

import json
import logging
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.sns.models import sns_backends

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.alarms import ALARM
from localaws.authorization import require_topic_access
from localaws.patches import Original, Part, replaces

SERVICE = "cloudwatch.amazonaws.com"

logger = logging.getLogger(__name__)


class AlarmActions(Part):
    """The actions of alarms, whether a metric value or a call of SetAlarmState makes them go off."""

    @replaces(CloudWatchBackend, "set_alarm_state", because="moto's alarms have no actions")
    def _set_state(
        self,
        original: Original,
        backend: CloudWatchBackend,
        alarm_name: str,
        state_value: str,
        arguments: dict[str, Any],
    ) -> None:
        before = backend.alarms[alarm_name].state_value if alarm_name in backend.alarms else None
        original(backend, **arguments)
        if state_value == ALARM and before != ALARM:
            alarm = backend.alarms[alarm_name]
            for topic in alarm.alarm_actions or ():
                _tell(topic, alarm)


def _tell(topic: str, alarm: Alarm) -> None:
    """Publish to a topic as CloudWatch; a topic whose policy does not allow it gets nothing, without an error."""
    try:
        require_topic_access(SERVICE, topic, alarm.alarm_arn)
    except LocalAwsError as error:
        logger.warning("The alarm %s reaches no subscriber: %s", alarm.name, error)
        return
    message = {"AlarmName": alarm.name, "NewStateValue": ALARM, "NewStateReason": alarm.state_reason}
    sns_backends[ACCOUNT][REGION].publish(json.dumps(message), arn=topic, subject=f"{ALARM}: {alarm.name}")
