"""A Lambda function as all of ours are."""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.packaging import Package
from cdk.settings import Environment
from cdk.stateless.assets import publish


class PipelineFunction(Construct):
    """A function of `lambdas/`, with a role and a log group of its own.

    Attributes
    ----------
    function, role
        The function, and what it may do.
    """

    def __init__(  # noqa: PLR0913 -- keywords, one for each thing that differs between functions
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        name: str,
        package: Package,
        environment: Mapping[str, str],
        timeout: Duration,
        memory_mb: int,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            retention=log_retention(settings),
            removal_policy=RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_11,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"lambdas.{name}.handler.handler",
            code=publish(self, package).as_code(self),
            environment={"POWERTOOLS_METRICS_NAMESPACE": metrics_namespace(settings), **environment},
            timeout=timeout,
            memory_size=memory_mb,
            log_group=log_group,
            role=self.role,
            tracing=lambda_.Tracing.ACTIVE,
        )
        python = "Python 3.11 is what the project is written for and tested with; AWS supports it."
        acknowledge(self, {"AwsSolutions-L1": python, "Serverless-LambdaLatestVersion": python})
        acknowledge(self.role, {"AwsSolutions-IAM5[Resource::*]": "X-Ray knows no resources."})


def metrics_namespace(settings: Environment) -> str:
    """Where the functions of an environment put their figures."""
    return f"Fruits/{settings.name}"


def log_retention(settings: Environment) -> logs.RetentionDays:
    """How long logs are kept, as CDK names it."""
    return LOG_RETENTION[settings.logs_days]


LOG_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
