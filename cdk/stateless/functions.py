"""The construct of a Lambda function, with everything that all functions have in common."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.packaging import Package
from cdk.settings import Environment
from cdk.stateless.assets import publish
from cdk.stateless.logs import log_group
from contract.functions import NAMESPACE_VARIABLE, Function, metrics_namespace


class PipelineFunction(Construct):
    """A function of `lambdas/`, its role and its log group."""

    def __init__(  # noqa: PLR0913 -- keywords for everything in which functions differ
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        name: Function,
        package: Package,
        environment: Mapping[str, str],
        timeout: Duration,
        memory_mb: int,
    ) -> None:
        super().__init__(scope, construct_id)
        logs = log_group(self, settings)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        logs.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime(f"python{settings.python}", lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.ARM_64,
            handler=name.handler,
            code=publish(self, package).as_code(self),
            environment={NAMESPACE_VARIABLE: metrics_namespace(settings.name), **environment},
            timeout=timeout,
            memory_size=memory_mb,
            log_group=logs,
            role=self.role,
            tracing=lambda_.Tracing.ACTIVE,
        )
        python = "The functions use the Python of the workers, which the image of EMR has. AWS supports it."
        acknowledge(
            self.function,
            {
                "AwsSolutions-L1": python,
                "Serverless-LambdaLatestVersion": python,
                "CKV_AWS_115": "The queue limits the concurrency to two, and the other callers to one.",
                "CKV_AWS_116": "The caller is a queue that has a dead-letter queue, or waits for the answer.",
                "CKV_AWS_117": "The function calls AWS only. A VPC would cost money while idle.",
                "CKV_AWS_173": "The environment contains names and prices, but no secrets. Lambda encrypts it.",
            },
        )
        acknowledge(self.role, {"AwsSolutions-IAM5[Resource::*]": "X-Ray has no resource-level permissions."})
