"""The function `start_run`, to which the queue delivers the events of the bucket in batches."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.packaging import Package
from cdk.permissions import Permission, allow
from cdk.settings import Environment
from cdk.stateful.queues import BATCHING_WINDOW, START_RUN_TIMEOUT, EventQueue
from cdk.stateless.functions import PipelineFunction
from contract.functions import Function, StartRunVariables
from contract.layout import INBOX

BATCH_SIZE = 10_000
"""Maximum number of messages of an invocation. In practice the limit is 6 MB, which are about 4,000 events."""

CONCURRENCY = 2


class RunStarter(Construct):
    """The function, its permissions, and its event source.

    Attributes
    ----------
    source
        The event source mapping, by which the queue starts the function.
    """

    def __init__(  # noqa: PLR0913 -- keywords for the resources that the function uses
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        package: Package,
        events: EventQueue,
        bucket: s3.Bucket,
        table: dynamodb.Table,
        state_machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        variables = StartRunVariables(
            bucket=bucket.bucket_name,
            coordination_table=table.table_name,
            state_machine=state_machine.state_machine_arn,
            gather_minutes=settings.gather_minutes,
        )
        called = PipelineFunction(
            self,
            "StartRun",
            settings=settings,
            name=Function.START_RUN,
            package=package,
            environment=variables.to_environment(),
            timeout=START_RUN_TIMEOUT,
            memory_mb=512,
        )
        self.function = called.function
        allow(called.role, _permissions(bucket, table, state_machine))
        self.function.add_event_source(
            SqsEventSource(
                events.queue,
                batch_size=BATCH_SIZE,
                max_batching_window=BATCHING_WINDOW,
                max_concurrency=CONCURRENCY,
                report_batch_item_failures=True,
            )
        )
        self.source = next(
            child for child in self.function.node.children if isinstance(child, lambda_.EventSourceMapping)
        )
        own_queue = "The queue has a dead-letter queue, which takes the messages that fail."
        acknowledge(
            self, {"Serverless-LambdaDLQ": own_queue, "Serverless-LambdaEventSourceMappingDestination": own_queue}
        )


def _permissions(bucket: s3.Bucket, table: dynamodb.Table, state_machine: sfn.StateMachine) -> list[Permission]:
    return [
        Permission(
            sid="WriteNotices",
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects(f"{INBOX}*")],
            because="The names of notice files are not known in advance.",
        ),
        Permission(
            sid="CountBatches",
            actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            resources=[table.table_arn],
        ),
        Permission(sid="Start", actions=["states:StartExecution"], resources=[state_machine.state_machine_arn]),
    ]
