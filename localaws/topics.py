"""SNS: who may publish to a topic, which subscriptions are confirmed, and the e-mails that would have been sent.

moto confirms every subscription at once, and delivers messages without asking the policies of topics and queues.
"""

import logging
import secrets
from typing import Any

from moto.core.responses import ActionResult
from moto.sns.exceptions import SNSInvalidParameter, SNSNotFoundError
from moto.sns.models import SNSBackend, Subscription
from moto.sns.responses import SNSResponse

from localaws.account import LocalAws, LocalAwsError
from localaws.authorization import require_queue_access
from localaws.patches import Original, Part, replaces

SERVICE = "sns.amazonaws.com"

EMAIL = frozenset({"email", "email-json"})
"""Protocols whose subscriptions their owner must confirm before SNS delivers messages."""

PROTOCOLS = EMAIL | {"sqs"}

PENDING = "PendingConfirmation"
"""Name of an attribute, and what SNS lists instead of the ARN of a subscription that is not confirmed."""

CONFIRMATION = "AWS Notification - Subscription Confirmation"
"""Subject of the e-mail that asks for the confirmation of a subscription."""

PENDING_BECAUSE = "moto's subscriptions need no confirmation"

logger = logging.getLogger(__name__)


class Topics(Part):
    """The topics, their subscriptions, and the e-mails to subscribers."""

    def __init__(self, aws: LocalAws) -> None:
        super().__init__(aws)
        self._sent: list[dict[str, str]] = []
        self._tokens: dict[str, str] = {}

    def sent(self) -> list[dict[str, str]]:
        """List the e-mails so far, the oldest first.

        An e-mail has a topic, an endpoint (the address), a subject and a message; the one that asks for a confirmation
        also has the token that ConfirmSubscription takes.
        """
        return list(self._sent)

    @replaces(SNSBackend, "subscribe", because=PENDING_BECAUSE)
    def _subscribe(
        self, original: Original, backend: SNSBackend, topic_arn: str, endpoint: str, protocol: str
    ) -> Subscription:
        if protocol not in PROTOCOLS:
            raise SNSInvalidParameter(f"Subscriptions are {', '.join(sorted(PROTOCOLS))} here, not {protocol}.")
        known = set(backend.subscriptions)
        subscription: Subscription = original(backend, topic_arn, endpoint, protocol)
        if protocol in EMAIL and subscription.arn not in known:
            subscription.attributes |= {PENDING: True, "ConfirmationWasAuthenticated": False}
            token = secrets.token_hex(32)
            self._tokens[token] = subscription.arn
            self._send(subscription, CONFIRMATION, f"You have chosen to subscribe to {topic_arn}.", token=token)
        return subscription

    @replaces(SNSResponse, "subscribe", because=PENDING_BECAUSE)
    def _answer_subscribe(self, original: Original, response: SNSResponse) -> ActionResult:
        answer: Any = original(response)
        arn = answer.result["SubscriptionArn"]
        wants_arn = response._get_param("ReturnSubscriptionArn")  # noqa: SLF001 -- moto's accessor
        if not wants_arn and _is_pending(response.backend.subscriptions[arn]):
            answer.result["SubscriptionArn"] = "pending confirmation"
        return answer  # type: ignore[no-any-return] # moto's

    @replaces(SNSResponse, "confirm_subscription", because="moto's confirms nothing")
    def _confirm(self, _: Original, response: SNSResponse) -> ActionResult:
        arn = self._tokens.get(response._get_param("Token"), "")  # noqa: SLF001 -- moto's accessor
        subscription = response.backend.subscriptions.get(arn)
        if subscription is None or subscription.topic_arn != response._get_param("TopicArn"):  # noqa: SLF001 -- moto's accessor
            raise SNSInvalidParameter("Invalid parameter: Invalid token")
        subscription.attributes[PENDING] = False
        return ActionResult({"SubscriptionArn": arn})

    @replaces(SNSResponse, "list_subscriptions", because=PENDING_BECAUSE)
    @replaces(SNSResponse, "list_subscriptions_by_topic", because=PENDING_BECAUSE)
    def _list(self, original: Original, response: SNSResponse) -> ActionResult:
        answer: Any = original(response)
        answer.result["Subscriptions"] = [
            {
                "SubscriptionArn": PENDING if _is_pending(one) else one.arn,
                "Owner": one.owner,
                "Protocol": one.protocol,
                "Endpoint": one.endpoint,
                "TopicArn": one.topic_arn,
            }
            for one in answer.result["Subscriptions"]
        ]
        return answer  # type: ignore[no-any-return] # moto's

    @replaces(SNSBackend, "unsubscribe", because="moto accepts what is not the ARN of a subscription")
    def _unsubscribe(self, original: Original, backend: SNSBackend, subscription_arn: str) -> None:
        if subscription_arn not in backend.subscriptions:
            raise SNSNotFoundError("Subscription does not exist")
        original(backend, subscription_arn)

    @replaces(Subscription, "publish", because="moto sends no e-mails, and ignores the policies of queues")
    def _publish(self, original: Original, subscription: Subscription, message: str, arguments: dict[str, Any]) -> None:
        if subscription.protocol in EMAIL:
            if not _is_pending(subscription):
                self._send(subscription, arguments["subject"] or "", message)
            return
        try:
            require_queue_access(SERVICE, subscription.endpoint, subscription.topic_arn)
        except LocalAwsError as error:  # SNS drops such a message without an error to the publisher, too
            logger.warning("A message of %s is lost: %s", subscription.topic_arn, error)
            return
        original(subscription, **arguments)

    def _send(self, subscription: Subscription, subject: str, message: str, **more: str) -> None:
        to = {"topic": subscription.topic_arn, "endpoint": subscription.endpoint}
        self._sent.append({**to, "subject": subject, "message": message, **more})


def _is_pending(subscription: Subscription) -> bool:
    return bool(subscription.attributes.get(PENDING))
