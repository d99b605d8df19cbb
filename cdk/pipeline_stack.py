"""The stack of one environment. It only connects the constructs; each of these is defined in its own module."""

from pathlib import PurePath

from aws_cdk import Aws, CfnOutput, CfnRule, Fn, Stack, Tags
from aws_cdk import Environment as Place
from constructs import Construct

from cdk.packaging import Packages
from cdk.settings import EU_REGIONS, Environment
from cdk.stateful.bucket import DataBucket
from cdk.stateful.catalog import Catalog
from cdk.stateful.coordination import CoordinationTable
from cdk.stateful.queues import EventQueue
from cdk.stateless.assets import AssetsOfEnvironment
from cdk.stateless.draining import ApplicationDrain
from cdk.stateless.intake import RunStarter
from cdk.stateless.monitoring import Monitoring
from cdk.stateless.queries import Queries
from cdk.stateless.recording import RunRecorder
from cdk.stateless.schedules import Schedules
from cdk.stateless.spark import SparkApplication
from cdk.stateless.workflow import Workflow
from contract.environments import DeployedVersion, Output, stack_name
from contract.functions import Function

MODEL_DIGITS = 12


class PipelineStack(Stack):
    """The pipeline of an environment."""

    def __init__(self, scope: Construct, *, settings: Environment, packages: Packages, revision: str) -> None:
        name = stack_name(settings.name)
        version = DeployedVersion(revision=revision, model=_model(settings, packages))
        super().__init__(
            scope,
            name,
            env=Place(region=settings.region),
            # The jobs of an environment may read the files below this prefix, those of earlier deployments included.
            synthesizer=AssetsOfEnvironment(bucket_prefix=f"{name}/"),
            description=f"Fruits! image pipeline, {settings.name}",
            termination_protection=settings.keep_data,
        )
        for key, value in settings.tags.items():
            Tags.of(self).add(key, value)
        _restrict_regions(self)

        events = EventQueue(self, "Events")
        storage = DataBucket(self, "Bucket", settings=settings, events=events.queue)
        bucket = storage.bucket
        table = CoordinationTable(self, "Coordination").table
        catalog = Catalog(self, "Catalog", settings=settings)

        spark = SparkApplication(self, "Spark", settings=settings, packages=packages, bucket=bucket, catalog=catalog)
        record_run = RunRecorder(
            self, "Recording", settings=settings, package=packages.record_run, bucket=bucket, spark=spark
        ).function
        state_machine = Workflow(
            self,
            "Workflow",
            settings=settings,
            version=version,
            bucket=bucket,
            table=table,
            spark=spark,
            record_run=record_run,
        ).state_machine
        drain = ApplicationDrain(
            self,
            "Draining",
            settings=settings,
            package=packages.drain,
            spark=spark,
            state_machine=state_machine,
            in_use=[storage, table, catalog],
        )
        intake = RunStarter(
            self,
            "Intake",
            settings=settings,
            package=packages.start_run,
            events=events,
            bucket=bucket,
            table=table,
            state_machine=state_machine,
        )
        queries = Queries(self, "Queries", settings=settings, bucket=bucket, database=catalog.database)
        schedules = Schedules(self, "Schedules", settings=settings, state_machine=state_machine)
        for starter in (intake.source, schedules):
            starter.node.add_dependency(drain)
        functions = {Function.START_RUN: intake.function, Function.RECORD_RUN: record_run}
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
            Output.REVISION: version.revision,
            Output.MODEL: version.model,
        }
        for output, value in outputs.items():
            CfnOutput(self, f"{output}Output", value=value).override_logical_id(output.value)


def _model(settings: Environment, packages: Packages) -> str:
    """Describe the model: the weights as the settings name them, and the beginning of the hash of the package."""
    weights = PurePath(settings.weights).name
    return f"{weights} {packages.model.inputs_hash[:MODEL_DIGITS]}"


def _restrict_regions(stack: Stack) -> None:
    """Refuse Regions outside of the EU by a rule of the template, which can be deployed without this program."""
    rule = CfnRule(stack, "InTheEuropeanUnion")
    rule.add_assertion(
        Fn.condition_contains([*EU_REGIONS], Aws.REGION),
        "Users' photos stay in the European Union: deploy to one of " + ", ".join(EU_REGIONS) + ".",
    )
