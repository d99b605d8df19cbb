"""The custom resource that stops everything which uses the EMR Serverless application, before that is deleted."""

from collections.abc import Sequence

from aws_cdk import Aws, CustomResource, Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IDependable

from cdk.acknowledgements import acknowledge
from cdk.packaging import Package
from cdk.permissions import Permission, allow
from cdk.settings import Environment
from cdk.stateless.functions import PipelineFunction
from cdk.stateless.spark import JOBS_OF_REPLACED, REPLACED, SparkApplication, of_environment
from contract.environments import stack_name
from contract.functions import DRAINED_APPLICATION, DrainVariables, Function
from contract.workflow import JOB_EVENTS_RULE

TIMEOUT = Duration.minutes(15)
"""Timeout of the function: the maximum of Lambda."""

RESOURCE_TYPE = "Custom::ApplicationDrain"


class ApplicationDrain(Construct):
    """The resource and its function.

    CloudFormation deletes the resource before its application: after an update that has replaced the application, and
    when the stack is deleted. What starts runs by itself depends on the resource, and so is deleted before it.

    Parameters
    ----------
    in_use
        Constructs that runs use. They are deleted after the resource, when no run is left.
    """

    def __init__(  # noqa: PLR0913 -- keywords for the resources that the function uses
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        package: Package,
        spark: SparkApplication,
        state_machine: sfn.StateMachine,
        in_use: Sequence[IDependable],
    ) -> None:
        super().__init__(scope, construct_id)
        called = PipelineFunction(
            self,
            "Drain",
            settings=settings,
            name=Function.DRAIN,
            package=package,
            environment=DrainVariables(state_machine=state_machine.state_machine_arn).to_environment(),
            timeout=TIMEOUT,
            memory_mb=256,
        )
        allow(called.role, _permissions(settings, spark, state_machine))
        resource = CustomResource(
            self,
            "Resource",
            resource_type=RESOURCE_TYPE,
            service_token=called.function.function_arn,
            service_timeout=TIMEOUT.plus(Duration.minutes(1)),
            properties={DRAINED_APPLICATION: spark.application.attr_application_id},
        )
        resource.node.add_dependency(called, spark, state_machine, *in_use)
        waits = "CloudFormation calls the function, and shows its failure to the user."
        acknowledge(self, {"Serverless-LambdaDLQ": waits})


def _permissions(settings: Environment, spark: SparkApplication, state_machine: sfn.StateMachine) -> list[Permission]:
    place = f"{settings.region}:{Aws.ACCOUNT_ID}"
    executions = f"arn:{Aws.PARTITION}:states:{place}:execution:{stack_name(settings.name)}:*"
    return [
        Permission(
            sid="Executions",
            actions=["states:ListExecutions", "states:StartExecution"],
            resources=[state_machine.state_machine_arn],
        ),
        Permission(
            sid="FindStateMachines",
            actions=["states:ListStateMachines"],
            resources=["*"],
            because="The action has no resource-level permissions. It returns only names.",
        ),
        Permission(
            sid="WhoElseWaitsForJobs",
            actions=["states:DescribeStateMachine"],
            resources=[f"arn:{Aws.PARTITION}:states:{place}:stateMachine:*"],
            because="The rule for the events of jobs is deleted if no other state machine of the account needs it.",
        ),
        Permission(
            sid="DeleteRule",
            actions=["events:ListTargetsByRule", "events:RemoveTargets", "events:DeleteRule"],
            resources=[f"arn:{Aws.PARTITION}:events:{place}:rule/{JOB_EVENTS_RULE}"],
        ),
        Permission(
            sid="StopExecutions",
            actions=[
                *("states:DescribeExecution", "states:DescribeStateMachineForExecution"),
                *("states:GetExecutionHistory", "states:StopExecution"),
            ],
            resources=[executions],
            because="The names of executions are not known in advance.",
        ),
        Permission(
            # This permission has no condition on the tag: an application that no longer exists has none, and the
            # function has to learn that it does not exist.
            sid="LookAtApplication",
            actions=["emr-serverless:GetApplication"],
            resources=[spark.applications_arn],
            because=REPLACED,
        ),
        Permission(
            sid="StopApplication",
            actions=["emr-serverless:StopApplication", "emr-serverless:ListJobRuns"],
            resources=[spark.applications_arn],
            because=REPLACED,
            conditions=of_environment(settings),
        ),
        Permission(
            sid="CancelJobs",
            actions=["emr-serverless:CancelJobRun"],
            resources=[f"{spark.applications_arn}/jobruns/*"],
            because=JOBS_OF_REPLACED,
        ),
    ]
