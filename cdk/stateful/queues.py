"""The queue between the bucket and `start_run`, and the one for messages that nobody could work with."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.acknowledgements import acknowledge

WINDOW = Duration.seconds(60)
"""How long Lambda gathers messages."""

TIMEOUT = Duration.seconds(60)
"""Of `start_run`."""

RETENTION = Duration.days(14)
"""The longest there is."""

DELIVERIES = 5
"""After which a message is set aside."""


class EventQueue(Construct):
    """Events wait here until they are gathered into a batch.

    Attributes
    ----------
    queue, dead_letters
        The queues.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
        )
        self.queue = sqs.Queue(
            self,
            "Events",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            # As AWS advises: else a batch that is still worked on is delivered to somebody else.
            visibility_timeout=Duration.seconds(6 * TIMEOUT.to_seconds() + WINDOW.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=DELIVERIES),
        )
        acknowledge(
            self, {"CKV_AWS_27": "Encrypted with SQS's own keys: the rule knows those of KMS only, which cost."}
        )
        acknowledge(self.dead_letters, {"Serverless-SQSRedrivePolicy": "This is the dead-letter queue."})
