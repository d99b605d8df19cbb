"""The DynamoDB table with which `start_run` and the executions coordinate runs."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.acknowledgements import acknowledge
from contract.coordination import EXPIRES, KEY


class CoordinationTable(Construct):
    """The table: the coordination item, and one item for each batch of the last 15 days. AWS bills it by request."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=KEY, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=EXPIRES,
            removal_policy=RemovalPolicy.DESTROY,
        )
        no_data = (
            "The table holds a lease, counters and ids of recent batches. An empty one works: no backup is needed."
        )
        keys = "The table holds no personal data, and a key of AWS encrypts it."
        acknowledge(self, {"AwsSolutions-DDB3": no_data, "CKV_AWS_28": no_data, "CKV_AWS_119": keys})
