"""The stack of one environment. It only connects the constructs; each of these is defined in its own module."""

from aws_cdk import Aws, CfnOutput, CfnRule, Fn, Stack, Tags
from aws_cdk import Environment as Place
from constructs import Construct

from cdk.packaging import Packages
from cdk.settings import EU_REGIONS, Environment
from cdk.stateful.bucket import DataBucket
from cdk.stateful.catalog import Catalog
from cdk.stateful.coordination import CoordinationTable
from cdk.stateful.queues import EventQueue
from cdk.stateless.intake import RunStarter
from cdk.stateless.monitoring import Monitoring
from cdk.stateless.queries import Queries
from cdk.stateless.recording import RunRecorder
from cdk.stateless.schedules import Schedules
from cdk.stateless.spark import SparkApplication
from cdk.stateless.workflow import Workflow
from contract.environments import Output, stack_name
from contract.functions import Function


class PipelineStack(Stack):
    """The pipeline of an environment."""

    def __init__(self, scope: Construct, *, settings: Environment, packages: Packages) -> None:
        name = stack_name(settings.name)
        super().__init__(
            scope,
            name,
            env=Place(region=settings.region),
            description=f"Fruits! image pipeline, {settings.name}",
            termination_protection=settings.keep_data,
        )
        Tags.of(self).add("project", "fruits")
        Tags.of(self).add("environment", name)
        _restrict_regions(self)

        events = EventQueue(self, "Events")
        bucket = DataBucket(self, "Bucket", settings=settings, events=events.queue).bucket
        table = CoordinationTable(self, "Coordination").table
        catalog = Catalog(self, "Catalog", settings=settings)

        spark = SparkApplication(self, "Spark", settings=settings, packages=packages, bucket=bucket, catalog=catalog)
        record_run = RunRecorder(
            self, "Recording", settings=settings, package=packages.record_run, bucket=bucket, spark=spark
        ).function
        state_machine = Workflow(
            self, "Workflow", settings=settings, table=table, spark=spark, record_run=record_run
        ).state_machine
        start_run = RunStarter(
            self,
            "Intake",
            settings=settings,
            package=packages.start_run,
            events=events,
            bucket=bucket,
            table=table,
            state_machine=state_machine,
        ).function
        queries = Queries(self, "Queries", settings=settings, bucket=bucket, database=catalog.database)
        Schedules(self, "Schedules", settings=settings, state_machine=state_machine)
        functions = {Function.START_RUN: start_run, Function.RECORD_RUN: record_run}
        monitoring = Monitoring(
            self,
            "Monitoring",
            settings=settings,
            events=events,
            application=spark.application,
            state_machine=state_machine,
            functions=functions,
        )

        outputs = {
            Output.BUCKET: bucket.bucket_name,
            Output.STATE_MACHINE: state_machine.state_machine_arn,
            Output.COORDINATION_TABLE: table.table_name,
            Output.QUEUE: events.queue.queue_url,
            Output.DEAD_LETTERS: events.dead_letters.queue_url,
            Output.APPLICATION: spark.application.attr_application_id,
            Output.DATABASE: catalog.database,
            Output.WORKGROUP: queries.workgroup,
            Output.DASHBOARD: monitoring.dashboard,
        }
        for output, value in outputs.items():
            CfnOutput(self, f"{output}Output", value=value).override_logical_id(output.value)


def _restrict_regions(stack: Stack) -> None:
    """Refuse Regions outside of the EU by a rule of the template, which can be deployed without this program."""
    rule = CfnRule(stack, "InTheEuropeanUnion")
    rule.add_assertion(
        Fn.condition_contains([*EU_REGIONS], Aws.REGION),
        "Users' photos stay in the European Union: deploy to one of " + ", ".join(EU_REGIONS) + ".",
    )
