"""Packages as CDK assets: a synthesis names them by the hash of their inputs, a deployment builds and uploads them."""

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Aws, DefaultStackSynthesizer, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.packaging import Package

ENTRY_POINT = Path(__file__).parents[2] / "spark_app" / "main.py"


class AssetsOfEnvironment(DefaultStackSynthesizer):
    """A synthesizer that serves one stack, so that Python and Node see the same object.

    CDK binds a stack to a copy of the synthesizer, which Python takes for the original, and which knows no stack.
    """

    def reusable_bind(self, stack: Stack) -> "AssetsOfEnvironment":
        """Bind the synthesizer itself to the stack."""
        self.bind(stack)
        return self


@dataclass(frozen=True)
class PublishedFile:
    """A file in CDK's bucket of assets."""

    bucket: str
    key: str

    @property
    def url(self) -> str:
        """URL, as Spark takes it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def arn_of_folder(self) -> str:
        """ARN of all files in the folder of the file: the assets of all deployments of the environment."""
        return f"arn:{Aws.PARTITION}:s3:::{self.bucket}/{self.key.rpartition('/')[0]}/*"

    def as_code(self, scope: Construct) -> lambda_.Code:
        """Return the file as the code of a Lambda function."""
        bucket = s3.Bucket.from_bucket_name(scope, "Assets", self.bucket)
        unversioned = "@aws-cdk/aws-lambda:codeFromBucketObjectVersionNotSpecified"
        acknowledge(
            scope, {unversioned: "The key contains the hash of the inputs, so that other code has another key."}
        )
        return lambda_.Code.from_bucket(bucket, self.key)


def publish(scope: Construct, package: Package) -> PublishedFile:
    """Make a package an asset, which the CDK command builds and uploads at deployment."""
    synthesizer = Stack.of(scope).synthesizer
    location = synthesizer.add_file_asset(source_hash=package.asset_hash, executable=package.command)
    return PublishedFile(location.bucket_name, location.object_key)


def publish_entry_point(scope: Construct) -> PublishedFile:
    """Make the main file of the application an asset, which the CDK command uploads at deployment."""
    asset = s3_assets.Asset(scope, "EntryPoint", path=str(ENTRY_POINT))
    return PublishedFile(asset.s3_bucket_name, asset.s3_object_key)
