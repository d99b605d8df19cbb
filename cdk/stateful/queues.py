"""The queue between the bucket and `start_run`, and its dead-letter queue."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.acknowledgements import acknowledge

BATCHING_WINDOW = Duration.seconds(60)
"""Time for which Lambda gathers messages into a batch."""

START_RUN_TIMEOUT = Duration.seconds(60)
"""Timeout of `start_run`."""

MESSAGE_RETENTION = Duration.days(14)
"""Time for which both queues keep a message: the maximum of SQS."""

DELIVERIES = 5
"""Number of failed deliveries after which a message goes to the dead-letter queue."""


class EventQueue(Construct):
    """The queue of events, and the dead-letter queue."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=MESSAGE_RETENTION,
        )
        self.queue = sqs.Queue(
            self,
            "Events",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=MESSAGE_RETENTION,
            # AWS advises this time, so that SQS does not redeliver a batch during its invocation.
            visibility_timeout=Duration.seconds(6 * START_RUN_TIMEOUT.to_seconds() + BATCHING_WINDOW.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=DELIVERIES),
        )
        acknowledge(
            self,
            {"CKV_AWS_27": "SQS encrypts with its own keys; the rule demands keys of KMS, which cost."},
        )
        acknowledge(self.dead_letters, {"Serverless-SQSRedrivePolicy": "This is the dead-letter queue."})
