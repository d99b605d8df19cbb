"""The function `record_run`, which the state machine calls after each job run."""

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.packaging import Package
from cdk.permissions import Permission, allow
from cdk.settings import Environment
from cdk.stateless.functions import PipelineFunction
from cdk.stateless.spark import JOBS_OF_REPLACED, SparkApplication
from contract.functions import Function, RecordRunVariables
from contract.layout import LATEST, RESULTS, job_failure, report_page, run_record


class RunRecorder(Construct):
    """The function and its permissions."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        package: Package,
        bucket: s3.Bucket,
        spark: SparkApplication,
    ) -> None:
        super().__init__(scope, construct_id)
        variables = RecordRunVariables(
            bucket=bucket.bucket_name,
            application_id=spark.application.attr_application_id,
            prices=settings.prices,
        )
        called = PipelineFunction(
            self,
            "RecordRun",
            settings=settings,
            name=Function.RECORD_RUN,
            package=package,
            environment=variables.to_environment(),
            timeout=Duration.seconds(60),
            memory_mb=256,
        )
        self.function = called.function
        allow(called.role, _permissions(bucket, spark))
        waits = "The state machine calls the function, waits for the answer, and handles a failure."
        acknowledge(self, {"Serverless-LambdaDLQ": waits})


def _permissions(bucket: s3.Bucket, spark: SparkApplication) -> list[Permission]:
    unknown_run = "Run ids are not known in advance."
    return [
        Permission(
            sid="LookUpJob",
            actions=["emr-serverless:GetJobRun"],
            resources=[f"{spark.applications_arn}/jobruns/*"],
            because=JOBS_OF_REPLACED,
        ),
        Permission(
            sid="Record",
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects(run_record("*"))],
            because=unknown_run,
        ),
        Permission(
            sid="ShowCost",
            actions=["s3:GetObject", "s3:PutObject"],
            resources=[bucket.arn_for_objects(report_page("*"))],
            because=unknown_run,
        ),
        Permission(
            sid="MarkSuperseded",
            actions=["s3:PutObjectTagging"],
            resources=[bucket.arn_for_objects(f"{RESULTS}*")],
            because=unknown_run,
        ),
        Permission(sid="Latest", actions=["s3:GetObject"], resources=[bucket.arn_for_objects(LATEST)]),
        Permission(
            sid="ReadFailure",
            actions=["s3:GetObject"],
            resources=[bucket.arn_for_objects(job_failure("*"))],
            because=unknown_run,
        ),
        Permission(
            sid="ListResults",
            actions=["s3:ListBucket"],
            resources=[bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": f"{RESULTS}*"}},
        ),
    ]
