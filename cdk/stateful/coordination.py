"""The table that `start_run` and the executions of the workflow agree through."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.acknowledgements import acknowledge
from contract.coordination import EXPIRES, KEY


class CoordinationTable(Construct):
    """One item that matters, and one for each batch of events of the last two weeks. Paid by the request.

    Attributes
    ----------
    table
        The table.
    """

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
        no_data = "It holds a lease and two counters, and begins anew from nothing: there is nothing to restore."
        keys = "It holds no personal data; AWS's own key encrypts it."
        acknowledge(self, {"AwsSolutions-DDB3": no_data, "CKV_AWS_28": no_data, "CKV_AWS_119": keys})
