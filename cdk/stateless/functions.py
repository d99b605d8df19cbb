"""A Lambda function as all of ours are."""

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
            handler=f"lambdas.{name}.handler.handler",
            code=publish(self, package).as_code(self),
            environment={NAMESPACE_VARIABLE: metrics_namespace(settings.name), **environment},
            timeout=timeout,
            memory_size=memory_mb,
            log_group=logs,
            role=self.role,
            tracing=lambda_.Tracing.ACTIVE,
        )
        python = (
            "The functions run on the Python that the workers have, which the image of EMR decides; AWS supports it."
        )
        acknowledge(
            self.function,
            {
                "AwsSolutions-L1": python,
                "Serverless-LambdaLatestVersion": python,
                "CKV_AWS_115": "Its callers bound it: the queue calls it twice at once, the workflow once.",
                "CKV_AWS_116": "It is called by a queue that has a dead-letter queue, or by the workflow, which waits.",
                "CKV_AWS_117": "It calls AWS only. A network of our own would cost while nothing happens.",
                "CKV_AWS_173": "Its environment holds names and prices, no secrets; Lambda encrypts it all the same.",
            },
        )
        acknowledge(self.role, {"AwsSolutions-IAM5[Resource::*]": "X-Ray knows no resources."})
