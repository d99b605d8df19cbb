"""`record_run`: what a run took, written beside its results."""

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.packaging import Package
from cdk.permissions import Permission, allow
from cdk.settings import Environment
from cdk.stateless.functions import PipelineFunction
from cdk.stateless.spark import SparkApplication
from contract.functions import Function, RecordRunVariables
from contract.layout import LATEST, RESULTS, run_record


class RunRecorder(Construct):
    """The function that records runs.

    Attributes
    ----------
    function
        To be called by the workflow.
    """

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
        called = PipelineFunction(
            self,
            "RecordRun",
            settings=settings,
            name=Function.RECORD_RUN,
            package=package,
            environment=RecordRunVariables(
                bucket=bucket.bucket_name,
                application_id=spark.application.attr_application_id,
                prices=settings.prices,
            ).to_environment(),
            timeout=Duration.seconds(60),
            memory_mb=256,
        )
        self.function = called.function
        allow(
            called.role,
            [
                Permission(
                    sid="LookUpJob",
                    actions=["emr-serverless:GetJobRun"],
                    resources=[f"{spark.application_arn}/jobruns/*"],
                    because="Jobs have names that are not known before.",
                ),
                Permission(
                    sid="Record",
                    actions=["s3:PutObject"],
                    resources=[bucket.arn_for_objects(run_record("*"))],
                    because="Runs have names that are not known before.",
                ),
                Permission(
                    sid="MarkSuperseded",
                    actions=["s3:PutObjectTagging"],  # of a failed run's record, too
                    resources=[bucket.arn_for_objects(f"{RESULTS}*")],
                    because="Runs have names that are not known before.",
                ),
                Permission(sid="Latest", actions=["s3:GetObject"], resources=[bucket.arn_for_objects(LATEST)]),
                Permission(
                    sid="ListResults",
                    actions=["s3:ListBucket"],
                    resources=[bucket.bucket_arn],
                    conditions={"StringLike": {"s3:prefix": f"{RESULTS}*"}},
                ),
            ],
        )
        acknowledge(
            self, {"Serverless-LambdaDLQ": "The workflow calls it and waits for the answer: a failure is told there."}
        )
